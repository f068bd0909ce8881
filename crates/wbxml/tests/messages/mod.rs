//! Messages that several tests read.

use std::{fs, path::Path};

/// Name, command, direction, version, XML, bytes in hexadecimal.
pub type Row<'a> = [&'a str; 6];

/// Our own.
#[rustfmt::skip]
pub const OWN: [Row<'_>; 12] = [
    // A new device asks for its folders.
    ["folders", "FolderSync", "request", "16.1", "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>0</folderhierarchy:SyncKey></folderhierarchy:FolderSync>",
     "03016a000007 56 5203 3000 01 01"],
    // Empty elements are one byte.
    ["empty", "Settings", "request", "12.0", "<settings:Settings><settings:UserInformation><settings:Get/></settings:UserInformation></settings:Settings>",
     "03016a000012 45 5d 07 01 01"],
    // Pages are switched within an element, and back.
    ["pages", "Sync", "request", "12.1", "<airsync:Sync><airsync:Collections><airsync:Collection><airsync:SyncKey>1</airsync:SyncKey><airsync:CollectionId>5</airsync:CollectionId><airsync:Options><airsyncbase:BodyPreference><airsyncbase:Type>1</airsyncbase:Type></airsyncbase:BodyPreference><airsync:MIMESupport>0</airsync:MIMESupport></airsync:Options></airsync:Collection></airsync:Collections></airsync:Sync>",
     "03016a00 45 5c 4f 4b033100 01 52033500 01 57 0011 45 46033100 01 01 0000 62033000 01 01 01 01 01"],
    // Opaque data of more than 127 bytes has a length of two bytes.
    ["opaque", "SendMail", "request", "14.1", "<composemail:SendMail><composemail:ClientId>1</composemail:ClientId><composemail:Mime>{base64:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=}</composemail:Mime></composemail:SendMail>",
     "03016a000015 45 51033100 01 50 c38100 4141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141 01 01"],
    // Characters of two, three and four bytes.
    ["utf8", "FolderCreate", "request", "14.1", "<folderhierarchy:FolderCreate><folderhierarchy:SyncKey>3</folderhierarchy:SyncKey><folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>ä€🦊</folderhierarchy:DisplayName><folderhierarchy:Type>12</folderhierarchy:Type></folderhierarchy:FolderCreate>",
     "03016a000007 53 52033300 01 49033000 01 4703c3a4e282acf09fa68a00 01 4a03313200 01 01"],
    ["markup", "FolderCreate", "request", "2.5", "<folderhierarchy:FolderCreate><folderhierarchy:SyncKey>3</folderhierarchy:SyncKey><folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>a&lt;b&gt;&amp;</folderhierarchy:DisplayName><folderhierarchy:Type>12</folderhierarchy:Type></folderhierarchy:FolderCreate>",
     "03016a000007 53 52033300 01 49033000 01 4703613c623e2600 01 4a03313200 01 01"],
    ["ping", "Ping", "response", "12.1", "<ping:Ping><ping:Status>2</ping:Status><ping:Folders><ping:Folder>5</ping:Folder><ping:Folder>7</ping:Folder></ping:Folders></ping:Ping>",
     "03016a00000d 45 47033200 01 49 4a033500 01 4a033700 01 01 01"],
    ["move", "MoveItems", "response", "14.0", "<move:MoveItems><move:Response><move:SrcMsgId>5:1</move:SrcMsgId><move:Status>3</move:Status><move:DstMsgId>7:9</move:DstMsgId></move:Response></move:MoveItems>",
     "03016a000005 45 4a 4703353a3100 01 4b033300 01 4c03373a3900 01 01 01"],
    ["estimate", "GetItemEstimate", "response", "12.1", "<getitemestimate:GetItemEstimate><getitemestimate:Response><getitemestimate:Status>1</getitemestimate:Status><getitemestimate:Collection><getitemestimate:CollectionId>5</getitemestimate:CollectionId><getitemestimate:Estimate>17</getitemestimate:Estimate></getitemestimate:Collection></getitemestimate:Response></getitemestimate:GetItemEstimate>",
     "03016a000006 45 4d 4e033100 01 48 4a033500 01 4c03313700 01 01 01 01"],
    ["certificates", "ValidateCert", "response", "16.0", "<validatecert:ValidateCert><validatecert:Status>1</validatecert:Status><validatecert:Certificate><validatecert:Status>1</validatecert:Status></validatecert:Certificate></validatecert:ValidateCert>",
     "03016a00000b 45 4a033100 01 47 4a033100 01 01 01"],
    ["delete", "FolderDelete", "response", "14.1", "<folderhierarchy:FolderDelete><folderhierarchy:Status>4</folderhierarchy:Status></folderhierarchy:FolderDelete>",
     "03016a000007 54 4c033400 01 01"],
    ["find", "Find", "response", "16.1", "<find:Find><find:Status>1</find:Status><find:Response><find:Status>1</find:Status><find:Total>0</find:Total></find:Response></find:Find>",
     "03016a000019 45 4a033100 01 51 4a033100 01 56033000 01 01 01"],
];

/// Those of the collection beside the repository, as a table; `None` where there is none.
pub fn shared() -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/eas/vectors.tsv");
    file.parent()
        .is_some_and(Path::is_dir)
        .then(|| fs::read_to_string(file).unwrap())
}

/// The rows of such a table.
pub fn rows(table: &str) -> Vec<Row<'_>> {
    table
        .lines()
        .skip(1)
        .map(|line| {
            let row: Vec<&str> = line.split('\t').collect();
            row.try_into().unwrap()
        })
        .collect()
}

pub fn from_hexadecimal(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| Some(digit.to_digit(16)? as u8))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
