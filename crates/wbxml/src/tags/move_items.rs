//! Page 5: Move.

page! {
    5, "Move", "move";
    MOVE_ITEMS = 0x05 "MoveItems" ALWAYS;
    MOVE = 0x06 "Move" ALWAYS;
    SRC_MSG_ID = 0x07 "SrcMsgId" ALWAYS;
    SRC_FLD_ID = 0x08 "SrcFldId" ALWAYS;
    DST_FLD_ID = 0x09 "DstFldId" ALWAYS;
    RESPONSE = 0x0A "Response" ALWAYS;
    STATUS = 0x0B "Status" ALWAYS;
    DST_MSG_ID = 0x0C "DstMsgId" ALWAYS;
}
