# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Each rule of docs/handover.md, broken in the code: what is put in the place of what, and the tests that must see it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    rule: int       # its number in docs/handover.md
    what: str       # is broken
    changes: tuple  # (file, its text, what stands there instead)
    tests: tuple    # the first that is red is enough; of a script FILE:PATTERN are those of its cases


def of(rule, what, file, old, new, *tests):
    return Mutation(rule, what, ((file, old, new),), tests)


HANDOVER, RULES, JOURNAL = "xlmig/handover/handover.c", "xlmig/handover/rules.c", "xlmig/handover/journal.c"
RECORD = "xlmig/handover/journal-record.c"
ONE, SETTLE, JOURNALLED = "xlmig/recover/one.c", "xlmig/domain/settle.c", "xlmig/domain/journalled.c"
HAND_OVER, LAST_WORDS, LEFTOVER = "xlmig/send/hand-over.c", "xlmig/send/last-words.c", "xlmig/send/leftover.c"
WORD, HOLDING, COPYING = "xlmig/receive/word.c", "xlmig/receive/holding.c", "xlmig/receive/copying.c"

TEST_HANDOVER, TEST_RULES = "tests/xlmig/handover/test-handover", "tests/xlmig/handover/test-rules"
TEST_RECOVERY, TEST_JOURNAL = "tests/xlmig/handover/test-recovery", "tests/xlmig/handover/test-journal"
OWNER, RECOVER, RECOVER_WORD = "tests/command/owner.tap", "tests/command/recover.tap", "tests/command/recover-word.tap"
JOURNALS, COMMAND, ORDER = "tests/command/journals.tap", "tests/command/handover.tap", "tests/command/order.tap"

# Where it is used before it is there.
GIVE_BACK_BEFORE = (WORD, "/* ---- starting it ---- */\n",
                    "static void give_back(struct receiver *r, enum recover_domain domain);\n")

# A rule that no code could break, and why.
MODEL_ONLY = {}

MUTATIONS = (
    of(1, "GO is said, and then recorded", HAND_OVER,
       "send_record(s, JOURNAL_GO_DECIDED) == 0 && say_go(s) == 0",
       "say_go(s) == 0 && send_record(s, JOURNAL_GO_DECIDED) == 0",
       f"{ORDER}:GO_DECIDED is*"),
    of(2, "a connection that is lost after GO has the guest resumed", HANDOVER,
       "ROW(AWAIT_REPORT, PEER_LOST, IN_DOUBT, FINISH)", "ROW(AWAIT_REPORT, PEER_LOST, RESUMING, RESUME)",
       TEST_HANDOVER),
    of(3, "recover resumes without an answer what stands in GO_DECIDED", RULES,
       "ROW(GO_DECIDED, SUSPENDED, ANY, HERE, RESUME_HERE,", "ROW(GO_DECIDED, SUSPENDED, ANY, 0, RESUME_HERE,",
       TEST_RULES),
    of(4, "the source's copy is destroyed once GO is written", HANDOVER,
       "ROW(SENDING_GO, DONE_OK, AWAIT_REPORT, NOTHING)", "ROW(SENDING_GO, DONE_OK, DESTROYING, DESTROY)",
       TEST_HANDOVER),
    of(5, "send resumes the guest, and then records ABORTED", HAND_OVER,
       "s->handover.unrecorded = send_record(s, JOURNAL_ABORTED) < 0 && s->ledger.kept_there",
       "s->handover.unrecorded = !s->ts && send_record(s, JOURNAL_ABORTED) < 0 && s->ledger.kept_there",
       f"{ORDER}:send records*"),
    of(5, "recover acts, and then records", ONE,
       """        if (step.record != RECOVER_NO_RECORD && journal_advance(r->journal, step.record, reason(r), &r->failure) < 0)
            return failed(r);
        if (recover_ends(step.action))
            return end(r, step.action);
        decided = r->facts;
        if (is_still_so(r, &decided) && act(r, step.action) < 0)
            return failed(r);
""",
       """        decided = r->facts;
        if (!recover_ends(step.action) && is_still_so(r, &decided) && act(r, step.action) < 0)
            return failed(r);
        if (step.record != RECOVER_NO_RECORD && journal_advance(r->journal, step.record, reason(r), &r->failure) < 0)
            return failed(r);
        if (recover_ends(step.action))
            return end(r, step.action);
""",
       f"{ORDER}:recover records*"),
    of(6, "an older journal moves the guest", RULES,
       "if (!facts.newest || (facts.domain == RECOVER_DOMAIN_STRANGER", "if ((facts.domain == RECOVER_DOMAIN_STRANGER",
       TEST_RULES, TEST_RECOVERY),
    Mutation(6, "all journals count as the newest",
             ((JOURNAL, "return journal->newest;", "return journal != NULL;"),), (TEST_JOURNAL,)),
    of(7, "recover withdraws no request to suspend", ONE,
       """    if (r->facts.domain != RECOVER_DOMAIN_SUSPENDED && ts->ops->suspend.withdraw(ts, r->vm.domid, &r->failure) < 0)
        return -1;
""", "", f"{ORDER}:*asked to suspend: recover*"),
    of(7, "nor does send, of what a killed one left", LEFTOVER,
       """    if (s->ts->ops->suspend.withdraw(s->ts, s->vm.domid, &failure) < 0) {""",
       """    if (!s->ts && s->ts->ops->suspend.withdraw(s->ts, s->vm.domid, &failure) < 0) {""",
       f"{ORDER}:*asked to suspend: the next send*"),
    of(8, "an undone move is forgotten although the destination was not told", HANDOVER,
       "ROW(WITHDRAWING_ANEW, PEER_LOST, UNDONE_UNTOLD, FINISH)", "ROW(WITHDRAWING_ANEW, PEER_LOST, UNDONE, FINISH)",
       TEST_HANDOVER),
    of(8, "recover forgets it without an answer", RULES,
       """    ROW(ABORTED, ANY, NO_ANSWER, 0, WAIT, NOTHING,
        "{vm} was not moved; {there} is still""", """    ROW(ABORTED, ANY, NO_ANSWER, 0, FORGET, NOTHING,
        "{vm} was not moved; {there} is still""", TEST_RULES),
    of(8, "ABORT is said without ABORTED on the disk", LAST_WORDS,
       "else if (!started && !send_is_recorded_aborted(s) && send_record(s, JOURNAL_ABORTED) < 0)",
       "else if (!started && !s->ts)", f"{COMMAND}:*ABORT is not said*"),
    of(9, "a move is forgotten although the destination was not told", HANDOVER,
       "ROW(CONFIRMING, TIMEOUT, MOVED_UNTOLD, FINISH)", "ROW(CONFIRMING, TIMEOUT, MOVED, FINISH)", TEST_HANDOVER),
    of(9, "recover forgets it without an answer", RULES,
       "ROW(MOVED, AWAY, NO_ANSWER | BUSY, THERE, FORGET, NOTHING, NO_MORE)",
       "ROW(MOVED, AWAY, NO_ANSWER | BUSY, 0, FORGET, NOTHING, NO_MORE)", TEST_RULES),
    of(10, "the report is waited for without end", HAND_OVER,
       'send_await(s, (struct send_awaited){ "report whether the VM runs there", "go-timeout", go_us });',
       "send_await(s, (struct send_awaited){ 0 });",
       f"{COMMAND}:it says nothing after GO"),
    of(11, "an attempt that is not newer is taken", JOURNAL,
       "    if (begin->generation <= taken)\n", "    if (begin->generation == 0)\n",
       TEST_JOURNAL),
    of(12, "xl lives on beside READY", COPYING,
       """        child_kill(r->restore.process);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_GO""", """        receive_hold(r);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_GO""", f"{ORDER}:xl is ended*"),
    of(13, "RECEIVED is said, and then READY recorded", HOLDING,
       "else if (record_ready(r, &failure) == 0) {",
       "else if (conversation_say(r->conversation, MESSAGE_RECEIVED, false, \"%s\", \"\"), record_ready(r, &failure) == 0) {",
       f"{JOURNALS}:READY that cannot*"),
    of(14, "the copy is started, and then GO recorded", WORD,
       """    if (journal_advance(r->holding.journal, JOURNAL_GO, NULL, &failure) < 0)
        answer(r, MESSAGE_REPORT, false, failure.text);
    else
        start(r);
""", """    start(r);
    journal_advance(r->holding.journal, JOURNAL_GO, NULL, &failure);
""", f"{ORDER}:*GO is recorded*"),
    Mutation(15, "GO is taken after ABORTED",
             ((WORD, "    case JOURNAL_READY:\n        in_ready(r, domain);", "    case JOURNAL_READY:\n    case JOURNAL_ABORTED:\n        in_ready(r, domain);"),
              (RECORD, "states[from].next >> to & 1", "states[from].next >> to & 1 || (from == JOURNAL_ABORTED && to == JOURNAL_GO)")),
             (TEST_JOURNAL,)),
    of(16, "GO is recorded for a copy that is gone", WORD,
       "r->word.type == MESSAGE_GO && domain == RECOVER_DOMAIN_INCOMING && r->holding.vm.state == VM_PAUSED",
       "r->word.type == MESSAGE_GO", f"{JOURNALS}:GO, and the copy is gone"),
    of(17, "READY ends with the connection", HOLDING,
       "    journal_release(r->holding.journal);\n    r->holding.journal = NULL;\n    receive_finish(r, status);",
       "    journal_advance(r->holding.journal, JOURNAL_ABORTED, NULL, &(struct failure){ 0 });\n"
       "    journal_release(r->holding.journal);\n    r->holding.journal = NULL;\n    receive_finish(r, status);",
       f"{JOURNALS}:READY outlives*"),
    of(18, "recover at the destination starts what is READY", RULES,
       'ROW(READY, INCOMING_COPY, ANY, HERE, START_HERE, TO(GO),', 'ROW(READY, INCOMING_COPY, ANY, 0, START_HERE, TO(GO),',
       TEST_RULES),
    of(19, "READY is held for as long as the connection lasts", HOLDING,
       """        receive_await(r, RECEIVE_AWAIT_WORD, r->request->idle_timeout_us);
        receive_channels_rest(r->channels);
""",
       """        receive_await(r, RECEIVE_AWAIT_WORD, 0);
        receive_channels_rest(r->channels);
""", f"{ORDER}:*wait in READY*"),
    Mutation(20, "a copy that cannot be started is dropped",
             (GIVE_BACK_BEFORE, (WORD, """        answer(r, MESSAGE_REPORT, false, failure.text);
    else
        start(r);""", """        give_back(r, RECOVER_DOMAIN_INCOMING);
    else
        start(r);""")), (f"{JOURNALS}:GO that cannot*",)),
    Mutation(20, "one whose name is taken, too",
             (GIVE_BACK_BEFORE, (WORD,
              "        answer(r, MESSAGE_REPORT, false, failure.text);\n    } else if (record->paused) {",
              "        give_back(r, RECOVER_DOMAIN_INCOMING);\n    } else if (record->paused) {")),
             (f"{JOURNALS}:a copy whose name is taken*",)),
    of(21, "a copy that ran counts as one that never ran", WORD,
       " &&\n           r->holding.vm.cpu_ns == 0;", ";", f"{ORDER}:*ran and was paused*"),
    of(22, "ABORTED is forgotten before the source says ABORT", WORD,
       "if ((last || !journal_record(r->holding.journal)->offered) && receive_forget(r) < 0)",
       "if (receive_forget(r) < 0)", f"{JOURNALS}:TAKE_BACK, and GO*"),
    of(22, "recover forgets it", RULES,
       "ROW(ABORTED, ABSENT, ANY, OFFERED, WAIT, NOTHING,", "ROW(ABORTED, ABSENT, ANY, OFFERED, FORGET, NOTHING,",
       TEST_RULES),
    of(23, "REPORT is said, and then STARTED recorded", WORD,
       "    if (journal_advance(r->holding.journal, JOURNAL_STARTED, NULL, &failure) < 0)\n",
       "    answer(r, MESSAGE_REPORT, true, \"\");\n"
       "    if (journal_advance(r->holding.journal, JOURNAL_STARTED, NULL, &failure) < 0)\n", f"{ORDER}:*STARTED is recorded*"),
    of(24, "STARTED is forgotten by any word", WORD,
       "    if (r->word.type != MESSAGE_CONFIRM)\n        answer(r, MESSAGE_REPORT, true, \"\");\n",
       "    if (r->word.type != MESSAGE_CONFIRM)\n        answer(r, MESSAGE_REPORT, true, \"\"), receive_forget(r);\n",
       f"{JOURNALS}:GO on a new connection*"),
    of(24, "recover forgets it", RULES,
       "ROW(STARTED, ANY, ANY, THERE, FORGET, NOTHING, NO_MORE)", "ROW(STARTED, ANY, ANY, 0, FORGET, NOTHING, NO_MORE)",
       TEST_RULES),
    of(25, "the source does not fence its copy", HAND_OVER,
       "    s->ts->ops->domain.pause(s->ts, s->vm.domid, on_fenced, s);", "    on_fenced(s, NULL);",
       f"{OWNER}:resumed behind*"),
    Mutation(26, "a copy that runs is given away", # what ran has used time, so that either look sees it
             ((HAND_OVER, "    if (now.state != VM_SUSPENDED)\n", "    if (now.state == VM_DYING)\n"),
              (HAND_OVER, "    if (journal_stood_ns(now.cpu_ns) != s->handover.standing.domain.stood_ns)\n",
               "    if (now.domid != s->vm.domid)\n")), (f"{OWNER}:resumed between*",)),
    of(26, "one that ran and stands again is given away", HAND_OVER,
       "    if (journal_stood_ns(now.cpu_ns) != s->handover.standing.domain.stood_ns)\n", "    if (now.domid != s->vm.domid)\n",
       f"{OWNER}:resumed, and suspended again"),
    of(26, "... also by recover", RULES,
       "return record->domain.stood_ns == 0 || journal_stood_ns(vm->cpu_ns) == record->domain.stood_ns;", "return vm && record;",
       TEST_RULES),
    of(27, "what another process saves is resumed", RULES,
       "ROW(ABORTED, D(SAVED), ANY, 0, WAIT, NOTHING, IN_OTHER_HANDS)",
       "ROW(ABORTED, D(SAVED), ANY, 0, RESUME_HERE, NOTHING, GO_ON)", TEST_RULES),
    of(27, "... as far as recover sees", JOURNALLED,
       "return vm->state == VM_SUSPENDED && ts->ops->suspend.has_saver(ts, vm->domid) == 1;", "return !vm && ts;",
       f"{ORDER}:another process saves*"),
    of(27, "... by send, whose move was undone", SETTLE,
       "s->ts->ops->suspend.has_saver(s->ts, s->domid) == 1", "!s->ts", f"{OWNER}:saved by another*"),
    of(26, "what another process saves is given away", HAND_OVER,
       "    if (s->ts->ops->suspend.has_saver(s->ts, s->vm.domid) == 1)\n", "    if (!s->ts)\n", f"{OWNER}:saved by another*"),
    of(28, "GO is said although our copy is gone", RULES,
       "ROW(GO_DECIDED, GONE, READY_THERE, 0, NEEDS_HUMAN, NOTHING,", "ROW(GO_DECIDED, GONE, READY_THERE, 0, SEND_GO, NOTHING,",
       TEST_RULES),
    of(28, "GO is said although the VM was made anew beside our copy", RULES,
       "ROW(GO_DECIDED, SUSPENDED, READY_THERE | NOT_STARTED, OTHER, TAKE_BACK, NOTHING, TAKEN_BACK)",
       "ROW(GO_DECIDED, SUSPENDED, READY_THERE | NOT_STARTED, OTHER, SEND_GO, NOTHING, TAKEN_BACK)", TEST_RULES),
    Mutation(29, "recover does not look again after the answer, nor before it acts",
             ((ONE, "        look(r, journal_record(r->journal)); /* the answer took its time, and others act meanwhile */\n", ""),
              (ONE, """    look(r, journal_record(r->journal));
    return r->facts.domain == decided->domain && r->facts.other == decided->other;""",
               "    return r && decided;")),
             (f"{OWNER}:made anew while*",)),
    of(29, "recover does not look again between the record and the act", ONE,
       """    look(r, journal_record(r->journal));
    return r->facts.domain == decided->domain && r->facts.other == decided->other;""",
       "    return r && decided;", f"{ORDER}:*between the record and the act*"),
    of(30, "any domain of its UUID is the one that the journal names", RULES,
       "        return vm->domid == record->domain.domid;\n", "        return vm->domid != 0;\n",
       f"{OWNER}:moved back, and being saved*", TEST_RULES),
    of(30, "the host never booted since", JOURNALLED,
       "return record->boot[0] && boot[0] && strcmp(record->boot, boot) != 0;", "return !record;",
       f"{OWNER}:made anew and ended*", f"{RECOVER_WORD}:the source's host*", TEST_JOURNAL),
    of(30, "the host always booted since", JOURNALLED,
       "return record->boot[0] && boot[0] && strcmp(record->boot, boot) != 0;", "return record != NULL;",
       f"{RECOVER}:send killed after moved*"),
    of(31, "the fence is not taken back", SETTLE,
       "        if (s->fenced)\n            take_fence_back(s);\n        else\n            finish(s, SETTLE_PAUSED, NULL);",
       "        finish(s, SETTLE_PAUSED, NULL);", f"{OWNER}:a fence that was left*"),
    of(32, "recover has the copy started whose source is gone", RULES,
       "ROW(COPYING, ABSENT, READY_THERE, BOOTED, NEEDS_HUMAN, NOTHING,",
       "ROW(COPYING, ABSENT, READY_THERE, BOOTED, SEND_GO, TO(GO_DECIDED),", TEST_RULES),
)
