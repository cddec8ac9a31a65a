// How a room's log is taken in: the rules of store.ts that need no database.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, count, merge, TAIL, type RoomState } from "../src/lib/store";
import type { Room, TextMessage } from "../src/lib/types";

const ME = "1", OTHER = "2";

function room(over: Partial<RoomState> = {}): RoomState {
    return {
        id: "5", kind: "dm", topic: "dm/5", title: "bob", last_seq: 0, read_seq: 0, unread: 0, can_send: true,
        low: 1, high: 0, counted: 0, reads: {}, ...over,
    };
}

function text(seq: number, from = OTHER): TextMessage {
    return { room: "5", seq, id: String(100 + seq), kind: "text", from, nonce: `n${seq}`, text: `text ${seq}`, sent_at: "2026-01-31T09:30:00.125Z" };
}

test("a text of somebody else's is unread, once", () => {
    const now = room();
    count(now, text(1), ME);
    count(now, text(1), ME);
    assert.equal(now.unread, 1);
    count(now, text(2), ME);
    assert.equal(now.unread, 2);
});

test("what has been read, or counted by the server, does not count", () => {
    const now = room({ read_seq: 3, counted: 5, unread: 2 });
    for (let seq = 1; seq <= 6; seq++) count(now, text(seq), ME);
    assert.equal(now.unread, 3);
});

test("a text of one's own says nothing about those above it", () => {
    const now = room({ unread: 4, counted: 4, read_seq: 0 });
    count(now, text(5, ME), ME);
    assert.deepEqual([now.unread, now.read_seq], [4, 0]);
});

test("unread is counted to 100", () => {
    const now = room();
    for (let seq = 1; seq <= 150; seq++) count(now, text(seq), ME);
    assert.equal(now.unread, 100);
});

test("an edit changes, a delete blanks, and an edit that comes after it changes nothing", () => {
    const edit = { room: "5", seq: 8, id: "9", kind: "edit" as const, from: OTHER, target: 1, text: "other", sent_at: "2026-01-31T09:31:00.125Z" };
    const edited = changed(text(1), edit);
    assert.deepEqual([edited.text, edited.edited_at], ["other", edit.sent_at]);
    const gone = changed(edited, { ...edit, kind: "delete", seq: 9 });
    assert.equal(gone.text, undefined);
    assert.ok(gone.deleted_at);
    assert.equal(changed(gone, { ...edit, seq: 10 }).text, undefined);
});

const answer = (over: Partial<Room>): Room => {
    const { low: _, high: __, counted: ___, reads: ____, ...plain } = room();
    return { ...plain, ...over };
};

test("a room that is new here begins at its end", () => {
    assert.deepEqual(merge(answer({ last_seq: 3 }), undefined).state.high, 0);
    const { state, forget } = merge(answer({ last_seq: 1000, unread: 7 }), undefined);
    assert.deepEqual([state.high, state.low, state.unread, forget], [1000 - TAIL, 1001 - TAIL, 7, false]);
});

test("one that was left far behind is begun anew, one a little behind is filled up", () => {
    const known = room({ low: 1, high: 10, last_seq: 10, counted: 10 });
    assert.deepEqual([merge(answer({ last_seq: 2000 }), known).forget, merge(answer({ last_seq: 50 }), known).forget], [true, false]);
    assert.equal(merge(answer({ last_seq: 50, unread: 9 }), known).state.unread, 9);
});

test("an answer that is older than what is known does not turn it back", () => {
    const known = room({ high: 12, last_seq: 12, counted: 12, read_seq: 11, unread: 1 });
    const { state } = merge(answer({ last_seq: 10, read_seq: 8, unread: 2 }), known);
    assert.deepEqual([state.last_seq, state.read_seq, state.unread, state.counted], [12, 11, 1, 12]);
});

test("how far the other has read is known from the server, and never moves down", () => {
    const { state } = merge(answer({ last_seq: 9, peer_id: OTHER, peer_read_seq: 7 }), undefined);
    assert.deepEqual(state.reads, { [OTHER]: 7 });
    assert.deepEqual(merge(answer({ last_seq: 9, peer_id: OTHER, peer_read_seq: 5 }), state).state.reads, { [OTHER]: 7 });
    assert.deepEqual(merge(answer({ last_seq: 9, peer_id: OTHER, peer_read_seq: 8 }), { ...state, high: 9 }).state.reads, { [OTHER]: 8 });
});
