//! Mail from all over: scripts, charsets, and the ways in which mail programs write them.

use super::super::compose::{Attached, Draft};

pub const MAILS: &[Draft] = &[
    Draft {
        id: "jp-1",
        from: ("佐藤 健一", "sato@sokuryo.example.jp"),
        subject: "来月の打ち合わせの日程について",
        minutes_ago: 25_900,
        zone: 540,
        charset: "iso-2022-jp",
        text: "アリス様\n\nいつもお世話になっております。佐藤です。\n\n来月の打ち合わせですが、十二日の午後はいかがでしょうか。\n\
               横浜港の測量データもそのときにお持ちします。\n\nどうぞよろしくお願いいたします。\n\n佐藤 健一\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "jp-2",
        answers: Some("jp-1"),
        from: ("佐藤 健一", "sato@sokuryo.example.jp"),
        subject: "Re: 来月の打ち合わせの日程について",
        minutes_ago: 23_400,
        zone: 540,
        charset: "iso-2022-jp",
        text: "アリス様\n\n早速のお返事ありがとうございます。では十二日の十四時にお待ちしております。\n地図を添付いたします。\n\n佐藤\n",
        attached: &[Attached::Png(
            "地図.png",
            160,
            120,
            [[240, 240, 230], [180, 210, 180], [150, 180, 220]],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "jp-3",
        from: ("田中 美咲", "misaki.tanaka@kaiyo.example.jp"),
        subject: "写真をお送りします 🌊",
        minutes_ago: 9_100,
        zone: 540,
        text: "先日はありがとうございました！\n港の写真を何枚かお送りします。夕焼けがとてもきれいでした。🌅\n\n美咲\n",
        attached: &[Attached::Png(
            "夕焼け.png",
            300,
            200,
            [[250, 160, 60], [220, 90, 70], [60, 40, 90]],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "ru-1",
        from: ("Елена Соколова", "e.sokolova@gidrograf.example"),
        subject: "Счёт за октябрь и акт выполненных работ",
        minutes_ago: 24_800,
        zone: 180,
        charset: "windows-1251",
        text: "Здравствуйте, Алиса!\n\nНаправляю счёт за октябрь и акт выполненных работ. Просьба подписать акт и\n\
               прислать скан до конца недели.\n\nПогода у нас уже зимняя: залив встал, работаем со льда.\n\n\
               С уважением,\nЕлена Соколова\nГлавный бухгалтер\n",
        attached: &[Attached::Pdf(
            "Счёт-118.pdf",
            &[
                "Invoice 118",
                "Rental of a side-scan sonar, 6 days",
                "Total: EUR 2,160.00",
            ],
        )],
        ..Draft::PLAIN
    },
    Draft {
        id: "ru-2",
        from: ("Дмитрий", "dmitry@okean.example"),
        subject: "Старый архив эхолота",
        minutes_ago: 15_300,
        zone: 180,
        charset: "koi8-r",
        text: "Привет!\n\nНашёл на старом диске записи эхолота за девяносто восьмой год. Формат странный, но, кажется,\n\
               глубины читаются. Прислать?\n\nДима\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "cn-1",
        from: ("王晓明", "wang.xm@haidao.example.cn"),
        subject: "关于下周港口测量的安排",
        minutes_ago: 22_100,
        zone: 480,
        charset: "gb18030",
        text: "艾丽斯：\n\n您好！下周的港口测量安排如下：\n\n周一　设备到港，检查电缆\n周二　二号和三号港池\n周三　四号港池（视天气而定）\n\n\
               如有问题，请随时与我联系。\n\n王晓明\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "tw-1",
        from: ("林雅婷", "yating.lin@harbour.example.tw"),
        subject: "研討會報名確認",
        minutes_ago: 13_700,
        zone: 480,
        charset: "big5",
        text: "您好：\n\n感謝您報名海洋測量研討會。您的報名編號是 2047，請於當天向櫃台出示。\n\n會議地點：高雄展覽館\n\n林雅婷 敬上\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "kr-1",
        from: ("김민준", "minjun.kim@badajido.example.kr"),
        subject: "측량선 일정 문의",
        minutes_ago: 20_600,
        zone: 540,
        charset: "euc-kr",
        text: "안녕하세요, 앨리스 님.\n\n다음 달 측량선 일정을 알려 주시면 감사하겠습니다. 부산항은 오전에만 작업이\n가능합니다.\n\n김민준 드림\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "ar-1",
        from: ("ليلى حداد", "layla@marsad.example"),
        subject: "تقرير أعماق الميناء الجديد",
        minutes_ago: 19_800,
        zone: 180,
        charset: "windows-1256",
        text: "مرحبا أليس،\n\nأرفقت لك تقرير أعماق الميناء الجديد. القياسات في الحوض الثالث تحتاج إلى مراجعة.\n\nمع التحية\nليلى\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "he-1",
        from: ("נועה לוי", "noa@yamim.example"),
        subject: "נתונים מהסקר האחרון",
        minutes_ago: 8_400,
        zone: 120,
        text: "שלום אליס,\n\nהנתונים מהסקר האחרון מוכנים. העליתי אותם לשרת, והסיסמה אצל בוב.\n\nנועה\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "gr-1",
        from: ("Νίκος Παπαδάκης", "nikos@limani.example.gr"),
        subject: "Χάρτες για το λιμάνι της Σύρου",
        minutes_ago: 16_900,
        charset: "iso-8859-7",
        text: "Αγαπητή Αλίκη,\n\nοι χάρτες για το λιμάνι της Σύρου είναι έτοιμοι. Ο άνεμος μας κράτησε δύο μέρες στο\n\
               λιμάνι, αλλά τα βάθη βγήκαν καθαρά.\n\nΧαιρετισμούς από το νησί,\nΝίκος\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "th-1",
        from: ("สมชาย ใจดี", "somchai@thalay.example"),
        subject: "ขอบคุณสำหรับการฝึกอบรม",
        minutes_ago: 7_000,
        zone: 420,
        text: "สวัสดีครับคุณอลิซ\n\nขอบคุณมากสำหรับการฝึกอบรมเมื่อสัปดาห์ที่แล้ว ทีมของเราใช้เครื่องมือได้แล้วครับ\n\nสมชาย\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "hi-1",
        from: ("अनिल शर्मा", "anil@samudra.example.in"),
        subject: "सर्वेक्षण उपकरण की जाँच",
        minutes_ago: 5_700,
        zone: 330,
        text: "नमस्ते ऐलिस,\n\nउपकरण की जाँच पूरी हो गई है। केबल बदलनी पड़ी, बाकी सब ठीक है।\n\nधन्यवाद\nअनिल\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "de-1",
        from: ("Jörg Müßig", "joerg.muessig@vermessung.example.de"),
        subject: "Grüße aus Büsum – und eine Frage zur Größe der Datei",
        minutes_ago: 14_500,
        charset: "windows-1252",
        text: "Liebe Alice,\n\nviele Grüße von der Küste! Die Datei, die ihr geschickt habt, ist „nur“ 3 GB groß – fehlen da\n\
               die Querprofile? Müsste eher das Doppelte sein.\n\nHerzlich\nJörg\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "fr-1",
        from: ("Chloé Lefèvre", "chloe@hydro.example.fr"),
        subject: "Réunion décalée à 15 h 30",
        minutes_ago: 6_300,
        charset: "windows-1252",
        text: "Bonjour Alice,\n\nla réunion est décalée à 15 h 30 ; la salle ne change pas. J’apporterai les relevés du\n\
               Léguer.\n\nBien à toi,\nChloé\n",
        ..Draft::PLAIN
    },
    Draft {
        id: "pl-1",
        from: ("Małgorzata Wójcik", "m.wojcik@port.example.pl"),
        subject: "Zapytanie ofertowe: pomiary głębokości w porcie",
        minutes_ago: 3_500,
        charset: "iso-8859-2",
        text: "Dzień dobry,\n\nproszę o przesłanie oferty na pomiary głębokości w porcie rybackim, około 0,3 km².\n\
               Termin: najpóźniej do końca maja.\n\nZ poważaniem\nMałgorzata Wójcik\n",
        seen: false,
        ..Draft::PLAIN
    },
    Draft {
        id: "vi-1",
        from: ("Nguyễn Thị Hồng", "hong@cangbien.example.vn"),
        subject: "Báo giá khảo sát đáy biển",
        minutes_ago: 1_900,
        zone: 420,
        text: "Kính gửi chị Alice,\n\nCông ty chúng tôi muốn nhận báo giá khảo sát đáy biển tại cảng Hải Phòng.\n\nTrân trọng,\nHồng\n",
        seen: false,
        ..Draft::PLAIN
    },
];
