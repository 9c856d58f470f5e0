/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The handover of one VM, as docs/handover.md specifies it, for spin.
 *
 * Two attempts to move the VM from a source host to a destination host.  Each
 * step below is one that a party can do at once: one durable record, or one
 * act, or one message.  Between any two of them anything that is not such a
 * step may happen: every process may be killed, every host may crash and boot,
 * the administrator may cancel, and `xlmig recover` may run, all of it without
 * a limit in number.
 *
 * What a crash leaves is what was made durable and the other host.  So a party
 * is written as rules on its journal and its copy of the VM, which the command
 * follows while it lives, and recover, holding the same lock, afterwards; what
 * only the living command may do asks for send_lives or receive_lives.  A
 * crash of recover between two steps is then that the next one does not follow.
 *
 * A message is a bit: it was said, or not.  One that was said may come at any
 * time from then on, any number of times, or never: lost, late, twice and out
 * of order are all that.
 *
 * From any state the world may turn HEALING: no more faults, both hosts are
 * there, recover runs on both.  Or HEALING_HERE: recover runs at the source
 * alone, and the destination does what it is asked.  Or SILENT: no message
 * comes any more, and nobody recovers.  What must be true once nothing can
 * happen any more is judge()'s.
 *
 * The world is not only ours.  With -DSTRANGERS=n others act, n times in all and
 * at any step: administrators, scripts, xl.  They resume, unpause, destroy or
 * save the source's domain, make the VM anew there, end it, move it back or on.
 * With them there is one attempt (-DATTEMPTS=1), or there were too many states.
 * Who resumes our copy by hand and takes our pause away, too, means it: he may
 * do one of both.
 *
 * -DBREAK=n breaks one rule of docs/handover.md, and spin must find out:
 * tests/model/run.
 */
#ifndef BREAK
#define BREAK 0
#endif
#define broken(n) (BREAK == n)
#ifndef STRANGERS
#define STRANGERS 0
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif

mtype:record = { NONE, COPYING, GO_DECIDED, MOVED, INCOMING, READY, GO, STARTED, ABORTED };
mtype:copy = { ABSENT, BUILDING, PAUSED, SUSPENDED, RUNNING };
mtype:world = { FAULTY, HEALING, HEALING_HERE, SILENT };

typedef messages {
    bool begin, data, go, take_back, abort, confirm, ask;          /* the source's */
    bool listening, received, started, aborted, closed, died;     /* the destination's */
};

/* [t]: of attempt t, whose token and generation t stands for; [0] is not used. */
messages said[3];

/* ---- the source ---- */
mtype:record src[3] = NONE;          /* its journals, durable */
byte newest;                         /* its counter of generations, durable */
mtype:copy guest = RUNNING;
byte send_lives;                     /* the attempt whose `xlmig send` lives; it holds the VM's lock */
byte helper;                         /* the save helper. 1: copies; 2: the guest stood still, it writes the end */
bool suspend_asked;                  /* of the guest, which obeys in its own time */
bool fence;                          /* our pause of the guest: whoever resumes it, it does not run */
bool looked;                         /* the command saw, behind its fence, that the guest did not run */
bool recover_looked;                 /* recover saw, before it asked, that our copy was as it was left */

/* ---- the destination ---- */
mtype:record dst[3] = NONE;          /* its journals, durable */
bool was_ready[3];                   /* part of the record ABORTED: it was READY before */
byte accepted;                       /* the greatest generation so far, durable */
mtype:copy there[3] = ABSENT;
byte receive_lives;                  /* the attempt whose `xlmig receive` lives */

/* ---- what nobody in the world knows, for the judgement ---- */
mtype:world world = FAULTY;
bool here_exact = true;              /* the VM ran nowhere else since the guest here stood still */
bool exact[3];                       /* ... and nowhere at all since this copy was taken */
bool excused;                        /* the VM is lost with the host that owned it, or somebody destroyed it */

/* ---- the others ---- */
byte strange = STRANGERS;            /* how often they may still act */
mtype:copy other = ABSENT;           /* a domain of this VM at the source that no rule of ours made */
bool foreign;                        /* the guest stands still for another's save */
bool elsewhere;                      /* the VM runs on a third host, or is in somebody's file */
bool undone;                         /* somebody resumed our copy, or took our pause away */
byte send_judged, receive_judged;    /* who lived when silence fell */

#define source_may(t)  (send_lives == t || (send_lives == 0 && world != SILENT))
#define recovers_src   (send_lives == 0 && world != SILENT)
#define asked(t)       (world == FAULTY || world == HEALING || world == HEALING_HERE && src[t] != NONE)
#define dest_may(t)    (receive_lives == t || (receive_lives == 0 && asked(t)))
#define recovers_dst   (receive_lives == 0 && asked(t))
#define came(t, what)  (said[t].what && world != SILENT)
#define older(t)       (t - 1)       /* with two attempts; 0, whose journals are always NONE, for the first */
#define finished(t)    (src[t] == NONE || src[t] == ABORTED)
#define stands         (guest == SUSPENDED && !foreign)     /* for us: by its vCPUs' time, and nobody else saves it */
#define is_as_left(t)  (guest != ABSENT && !runs_here && exact[t] && other == ABSENT || broken(28))
#define runs_here      (guest == RUNNING && !fence)
#define settled(t)     (newest != t || (!suspend_asked || broken(7)) && (!fence || broken(31)) && !stands)

inline resume_here()
{
    assert(here_exact);              /* the VM ran elsewhere: this copy is stale */
    assert(other != RUNNING && !elsewhere);
    guest = RUNNING;
    if
    :: !fence -> exact[1] = false; exact[2] = false
    :: else
    fi
}

inline start_there(t)
{
    assert(exact[t]);                /* the guest ran on after this copy was taken */
    assert(!runs_here && other != RUNNING && !elsewhere);
    there[t] = RUNNING;
    here_exact = false;
    exact[3 - t] = false;
}

/* ---- the source: its command and recover ---- */

proctype source(byte t)
{
end:
    do
    /* nothing of the VM is unfinished here but an aborted attempt of which the destination could not be told */
    :: atomic { world == FAULTY && send_lives == 0 && newest == t - 1 && runs_here && !suspend_asked &&
                finished(older(t)) && t <= ATTEMPTS ->
        src[t] = COPYING; newest = t; send_lives = t; helper = 1; looked = false; recover_looked = false }

    /* COPYING: the command */
    :: atomic { send_lives == t && src[t] == COPYING && !said[t].begin -> said[t].begin = true }
    :: atomic { send_lives == t && src[t] == COPYING && came(t, listening) && helper == 1 && runs_here &&
                !suspend_asked ->
        suspend_asked = true }
    :: atomic { send_lives == t && src[t] == COPYING && said[t].data && came(t, received) && guest != ABSENT &&
                !fence && !looked && !broken(25) ->
        fence = true }
    :: atomic { send_lives == t && src[t] == COPYING && said[t].data && came(t, received) && !looked &&
                (fence || broken(25)) && (stands && exact[t] || broken(26) && guest != ABSENT) ->
        looked = true }              /* behind the fence: it stands still, and its vCPUs have used no time since */
    :: atomic { send_lives == t && src[t] == COPYING && looked && !broken(1) -> src[t] = GO_DECIDED }
    /* cancelled, the copy failed, the connection lost, a time-out */
    :: atomic { send_lives == t && src[t] == COPYING -> src[t] = ABORTED; looked = false }

    /* COPYING: recover */
    :: atomic { recovers_src && src[t] == COPYING && guest != ABSENT -> src[t] = ABORTED; looked = false }
    :: atomic { recovers_src && src[t] == COPYING && guest == ABSENT && !said[t].ask -> said[t].ask = true }
    /* ... and where it is READY there, a human decides: nobody knows whether the guest here ran on before it was gone */
    :: atomic { recovers_src && src[t] == COPYING && guest == ABSENT && came(t, closed) -> src[t] = ABORTED }
    /* others made the VM anew: it is theirs */
    :: atomic { recovers_src && src[t] == COPYING && guest == ABSENT && other != ABSENT -> src[t] = ABORTED }

    /* GO_DECIDED */
    :: atomic { send_lives == t && src[t] == GO_DECIDED && !said[t].go -> said[t].go = true }
    /* recover: our copy stands here as the journal has it; of one that is gone nobody knows whether it ran on */
    :: atomic { recovers_src && src[t] == GO_DECIDED && !said[t].go && !recover_looked && is_as_left(t) ->
        recover_looked = true }
    :: atomic { recovers_src && src[t] == GO_DECIDED && !said[t].go && recover_looked &&
                (is_as_left(t) || broken(29)) || broken(32) && src[t] == GO_DECIDED ->
        said[t].go = true }
    :: atomic { send_lives == t && src[t] == GO_DECIDED && !said[t].go ->
        src[t] = ABORTED }           /* not one byte of GO could be written, this process knows */
    :: atomic { source_may(t) && src[t] == GO_DECIDED && (stands || runs_here || foreign || other != ABSENT) &&
                !said[t].take_back && world == FAULTY ->
        said[t].take_back = true }
    :: atomic { source_may(t) && src[t] == GO_DECIDED && came(t, started) -> src[t] = MOVED }
    :: atomic { source_may(t) && (src[t] == GO_DECIDED || src[t] == COPYING) && came(t, aborted) ->
        src[t] = ABORTED; looked = false }
    /* the destination does not know it: never, as long as nobody deletes a journal */
    :: atomic { source_may(t) && src[t] == GO_DECIDED && came(t, closed) -> assert(false) }
    /* the administrator, --force-here, which is allowed on the destination's word that its copy is gone */
    :: atomic { recovers_src && src[t] == GO_DECIDED && came(t, died) && stands && world == FAULTY &&
                other == ABSENT && !elsewhere ->
        src[t] = ABORTED; here_exact = true; excused = false }

    /* the record ABORTED cannot be written, and is not needed */
    :: atomic { send_lives == t && src[t] == COPYING && helper == 0 && !said[t].data && stands &&
                world == FAULTY ->
        resume_here() }              /* the destination can never be READY */
    :: atomic { send_lives == t && (src[t] == COPYING || src[t] == GO_DECIDED) && came(t, aborted) &&
                stands && world == FAULTY ->
        resume_here() }

    /* ABORTED */
    :: atomic { source_may(t) && src[t] == ABORTED && newest == t && suspend_asked ->
        suspend_asked = false }
    :: atomic { source_may(t) && src[t] == ABORTED && (newest == t && !suspend_asked || broken(6)) &&
                (stands || broken(27) && guest == SUSPENDED) && other == ABSENT ->
        resume_here() }
    :: atomic { source_may(t) && src[t] == ABORTED && newest == t && fence && !stands && !broken(31) ->
        fence = false;
        if
        :: guest == RUNNING -> exact[1] = false; exact[2] = false
        :: else
        fi }
    :: atomic { source_may(t) && src[t] == ABORTED && !said[t].abort -> said[t].abort = true }
    :: atomic { source_may(t) && src[t] == ABORTED && settled(t) && came(t, closed) -> src[t] = NONE }

    /* MOVED */
    :: atomic { source_may(t) && src[t] == MOVED && guest != ABSENT -> guest = ABSENT; fence = false; foreign = false }
    :: atomic { source_may(t) && src[t] == MOVED && guest == ABSENT && !said[t].confirm -> said[t].confirm = true }
    :: atomic { source_may(t) && src[t] == MOVED && guest == ABSENT && came(t, closed) -> src[t] = NONE }

    /* the command ends: killed; nothing left to do; a wait that was long enough */
    :: atomic { send_lives == t && world == FAULTY -> send_lives = 0; looked = false }
    :: atomic { send_lives == t && world == SILENT &&
                (src[t] == NONE || src[t] == GO_DECIDED && said[t].go && !broken(10) ||
                 src[t] == ABORTED && settled(t) || src[t] == MOVED && guest == ABSENT) ->
        send_lives = 0 }

    /* rules broken */
    :: atomic { broken(1) && send_lives == t && src[t] == COPYING && came(t, received) && said[t].data && !said[t].go &&
                guest == SUSPENDED ->
        said[t].go = true }
    :: atomic { broken(1) && send_lives == t && src[t] == COPYING && said[t].go -> src[t] = GO_DECIDED }
    :: atomic { broken(32) && recovers_src && src[t] == COPYING && guest == ABSENT && came(t, received) ->
        src[t] = GO_DECIDED }
    :: atomic { broken(30) && source_may(t) && src[t] == MOVED && other != ABSENT ->
        assert(there[t] == RUNNING || elsewhere); other = ABSENT }
    :: atomic { broken(2) && send_lives == t && src[t] == GO_DECIDED && world == FAULTY -> src[t] = ABORTED }
    :: atomic { broken(3) && recovers_src && src[t] == GO_DECIDED && guest == SUSPENDED -> src[t] = ABORTED }
    :: atomic { broken(4) && send_lives == t && src[t] == GO_DECIDED && said[t].go && guest == SUSPENDED ->
        guest = ABSENT }
    :: atomic { broken(5) && send_lives == t && src[t] == COPYING && said[t].data && guest == SUSPENDED ->
        guest = RUNNING; exact[t] = false }
    :: atomic { broken(8) && src[t] == ABORTED && source_may(t) && settled(t) -> src[t] = NONE }
    :: atomic { broken(9) && source_may(t) && src[t] == MOVED && guest == ABSENT -> src[t] = NONE }
    od
}

/* What is at the source besides the command: the guest's own kernel, and the helper. */
proctype engine()
{
end:
    do
    :: atomic { suspend_asked && runs_here -> guest = SUSPENDED; suspend_asked = false }
    :: atomic { helper == 1 && stands -> helper = 2 }
    :: atomic { helper == 2 -> helper = 0; said[newest].data = true; exact[newest] = stands }
    /* killed; or its command is gone, and it sees that when it likes */
    :: atomic { helper != 0 && (world == FAULTY || send_lives == 0 || src[newest] != COPYING) -> helper = 0 }
    od
}

/* ---- the destination: its command, recover, and who answers for it on a new connection ---- */

proctype destination(byte t)
{
end:
    do
    /* BEGIN: a newer attempt of the same source ends what is here of an older one */
    :: atomic { came(t, begin) && t > accepted && (dst[older(t)] == INCOMING || dst[older(t)] == READY) ->
        was_ready[older(t)] = (dst[older(t)] == READY);
        dst[older(t)] = ABORTED;
        receive_lives = 0 }
    :: atomic { came(t, begin) && t > accepted && dst[older(t)] == ABORTED && there[older(t)] != ABSENT ->
        there[older(t)] = ABSENT }
    :: atomic { came(t, begin) && t > accepted && dst[older(t)] == ABORTED && there[older(t)] == ABSENT ->
        dst[older(t)] = NONE }
    :: atomic { came(t, begin) && (t > accepted || broken(11) && dst[t] == NONE) && receive_lives == 0 &&
                dst[older(t)] == NONE ->
        dst[t] = INCOMING; receive_lives = t;
        accepted = (t > accepted -> t : accepted) }

    /* INCOMING: the command and xl, its child */
    :: atomic { receive_lives == t && dst[t] == INCOMING && there[t] == ABSENT -> there[t] = BUILDING }
    :: atomic { receive_lives == t && dst[t] == INCOMING && there[t] == BUILDING && !said[t].listening ->
        said[t].listening = true }
    :: atomic { receive_lives == t && dst[t] == INCOMING && there[t] == BUILDING && came(t, data) ->
        there[t] = PAUSED }          /* and the child is no more */
    :: atomic { receive_lives == t && dst[t] == INCOMING && there[t] == PAUSED -> dst[t] = READY }
    /* its end of input, an error, a time-out, a signal; recover, which finds nobody at work */
    :: atomic { dst[t] == INCOMING && (receive_lives == t || recovers_dst) ->
        dst[t] = ABORTED; was_ready[t] = false }
    :: atomic { dst[t] == INCOMING && receive_lives != t && there[t] != ABSENT -> there[t] = ABSENT } /* xl, orphaned */

    /* READY */
    :: atomic { dest_may(t) && (dst[t] == READY || broken(13) && there[t] == PAUSED) &&
                (receive_lives == t || came(t, ask)) && !said[t].received ->
        said[t].received = true }
    :: atomic { dest_may(t) && dst[t] == READY && there[t] == ABSENT && !broken(16) ->
        dst[t] = ABORTED; was_ready[t] = true }
    :: atomic { dest_may(t) && dst[t] == READY && (there[t] != ABSENT || broken(16)) && came(t, go) && !broken(14) ->
        dst[t] = GO }

    /* GO */
    :: atomic { dest_may(t) && dst[t] == GO && there[t] == PAUSED -> start_there(t) }
    :: atomic { dest_may(t) && dst[t] == GO && there[t] == RUNNING -> dst[t] = STARTED }
    :: atomic { dest_may(t) && dst[t] == GO && there[t] == ABSENT && came(t, go) && !said[t].died ->
        said[t].died = true }        /* LOST */
    :: atomic { dest_may(t) && (dst[t] == STARTED || broken(23) && there[t] == RUNNING) && !said[t].started ->
        said[t].started = true }
    :: atomic { dest_may(t) && dst[t] == STARTED && came(t, confirm) -> dst[t] = NONE; said[t].closed = true }

    /* the source wants it back, which may be as long as it never ran here; or has it back */
    :: atomic { dest_may(t) && (came(t, take_back) || came(t, abort)) &&
                (dst[t] == INCOMING || dst[t] == READY || dst[t] == GO && there[t] == PAUSED ||
                 broken(21) && dst[t] == GO) ->
        was_ready[t] = (dst[t] != INCOMING);
        dst[t] = ABORTED }
    :: atomic { dest_may(t) && came(t, abort) && dst[t] == GO && there[t] == ABSENT ->
        dst[t] = NONE; said[t].closed = true }  /* LOST, and --force-here was said there */
    :: atomic { dest_may(t) && came(t, abort) && (dst[t] == STARTED || there[t] == RUNNING) -> assert(false) }

    /* ABORTED */
    :: atomic { dest_may(t) && dst[t] == ABORTED && there[t] != ABSENT -> there[t] = ABSENT }
    :: atomic { dest_may(t) && dst[t] == ABORTED && !said[t].aborted -> said[t].aborted = true }
    :: atomic { dest_may(t) && dst[t] == ABORTED && there[t] == ABSENT && came(t, abort) ->
        dst[t] = NONE; said[t].closed = true }
    :: atomic { dest_may(t) && dst[t] == ABORTED && there[t] == ABSENT && (!was_ready[t] || broken(22)) ->
        dst[t] = NONE }

    /* asked for what it does not hold */
    :: atomic { dest_may(t) && dst[t] == NONE && !said[t].closed &&
                (came(t, ask) || came(t, go) || came(t, take_back) || came(t, abort) || came(t, confirm)) ->
        said[t].closed = true }

    /* the command ends: killed; the connection lost; nothing left to do; a wait that was long enough */
    :: atomic { receive_lives == t && world == FAULTY -> receive_lives = 0 }
    :: atomic { receive_lives == t && world != FAULTY &&
                (dst[t] == NONE || dst[t] == READY && !broken(19) || dst[t] == STARTED && said[t].started ||
                 dst[t] == GO && there[t] == ABSENT ||
                 dst[t] == ABORTED && there[t] == ABSENT && said[t].aborted) ->
        receive_lives = 0 }

    /* rules broken */
    :: atomic { broken(12) && receive_lives != t && there[t] == PAUSED -> there[t] = ABSENT }
    :: atomic { broken(14) && dest_may(t) && dst[t] == READY && there[t] == PAUSED && came(t, go) ->
        there[t] = RUNNING; here_exact = false }
    :: atomic { broken(14) && dest_may(t) && dst[t] == READY && there[t] == RUNNING -> dst[t] = GO }
    :: atomic { broken(15) && dest_may(t) && dst[t] == ABORTED && there[t] == PAUSED && came(t, go) -> dst[t] = GO }
    :: atomic { broken(17) && dest_may(t) && dst[t] == READY && world == FAULTY ->
        dst[t] = ABORTED; was_ready[t] = true }
    :: atomic { broken(18) && recovers_dst && dst[t] == READY && there[t] == PAUSED && world == FAULTY -> dst[t] = GO }
    :: atomic { broken(20) && dest_may(t) && dst[t] == GO && there[t] == PAUSED && world == FAULTY ->
        dst[t] = ABORTED; was_ready[t] = true }
    :: atomic { broken(24) && dest_may(t) && dst[t] == STARTED && said[t].started -> dst[t] = NONE }
    od
}

/* ---- the world ---- */

#define runs_elsewhere (there[1] == RUNNING || there[2] == RUNNING || other == RUNNING || elsewhere)

/* A copy from which recover gets the VM running at the destination. */
#define kept_there(t) (there[t] == RUNNING || there[t] == PAUSED && exact[t] && !said[t].take_back && \
    (dst[t] == GO || dst[t] == READY && said[t].go))
#define owned_there(t) ((dst[t] == GO || dst[t] == STARTED) && there[t] != ABSENT)

proctype faults()
{
end:
    do
    :: atomic { world == FAULTY && (guest != ABSENT || send_lives != 0) ->         /* the source's host crashes */
        if
        :: guest != ABSENT && here_exact && !kept_there(1) && !kept_there(2) || other != ABSENT -> excused = true
        :: else
        fi;
        guest = ABSENT; other = ABSENT; foreign = false; fence = false; looked = false; recover_looked = false;
        suspend_asked = false; helper = 0; send_lives = 0 }
    :: atomic { world == FAULTY && (there[1] != ABSENT || there[2] != ABSENT || receive_lives != 0) ->
        if                                                                         /* the destination's host crashes */
        :: owned_there(1) || owned_there(2) || guest == ABSENT -> excused = true
        :: else
        fi;
        there[1] = ABSENT; there[2] = ABSENT; receive_lives = 0 }
    :: atomic { world == FAULTY -> world = HEALING; send_lives = 0; looked = false; receive_lives = 0 }
    :: atomic { world == FAULTY -> world = HEALING_HERE; send_lives = 0; looked = false; receive_lives = 0 }
    :: atomic { world == FAULTY -> world = SILENT; send_judged = send_lives; receive_judged = receive_lives }
    od
}

/* Others, who know nothing of us. */
#define acts           (strange > 0 && world == FAULTY)
proctype strangers()
{
end:
    do
    /* with our copy at the source */
    :: atomic { acts && guest == SUSPENDED && !foreign && !undone ->
        strange--; undone = true; guest = RUNNING;
        if
        :: !fence -> exact[1] = false; exact[2] = false
        :: else
        fi }
    :: atomic { acts && fence && !undone -> strange--; undone = true; fence = false }
    :: atomic { acts && guest != ABSENT ->
        strange--; guest = ABSENT; fence = false; foreign = false; helper = 0; suspend_asked = false; excused = true }
    :: atomic { acts && runs_here -> strange--; guest = SUSPENDED; foreign = true }
    :: atomic { foreign && !runs_elsewhere -> foreign = false;
        assert(!runs_here);          /* somebody resumed what is being moved on */
        guest = ABSENT; elsewhere = true; here_exact = false; exact[1] = false; exact[2] = false; fence = false }
    :: atomic { foreign && guest == SUSPENDED -> foreign = false; guest = RUNNING;
        exact[1] = false; exact[2] = false }

    /* with the VM where it arrived: moved back, or on */
    :: atomic { acts && there[1] == RUNNING && other == ABSENT ->
        strange--; there[1] = ABSENT; other = RUNNING }
    :: atomic { acts && there[1] == RUNNING && !elsewhere -> strange--; there[1] = ABSENT; elsewhere = true }

    /* with its disks: made anew, but not while it is being given away */
    :: atomic { acts && (guest == ABSENT || stands && src[1] == GO_DECIDED && send_lives == 0) && other == ABSENT &&
                !elsewhere && there[1] != RUNNING && !looked && !said[1].go ->
        strange--; other = RUNNING; excused = true;
        here_exact = false; exact[1] = false; exact[2] = false }
    /* ... and ended; beside our copy that would leave no trace, and is left out */
    :: atomic { acts && other == RUNNING && guest == ABSENT -> strange--; other = ABSENT; excused = true }
    :: atomic { acts && other == RUNNING && guest == ABSENT -> strange--; other = SUSPENDED }
    :: atomic { other == SUSPENDED -> other = ABSENT; elsewhere = true }
    od
}

/* ---- what must be true ---- */

#define runnable_here (runs_here || stands && \
    (src[newest] == COPYING || src[newest] == ABORTED || dst[newest] == ABORTED))
#define runnable_there(t) (there[t] == RUNNING || there[t] == PAUSED && dst[t] == GO)
#define runnable_copies (runnable_here + runnable_there(1) + runnable_there(2))
#define runs_somewhere (runs_here || runs_elsewhere)
/* GO in the journal, and no copy: nobody can tell whether it ran. */
#define lost(t) (dst[t] == GO && there[t] == ABSENT && (src[t] == GO_DECIDED || src[t] == NONE))

/* It is gone here, and may be had from there; whether it ran on before, no host can prove. */
#define for_human(t) (guest == ABSENT && there[t] == PAUSED && dst[t] == READY && \
    (src[t] == COPYING || src[t] == GO_DECIDED && !said[t].go))
#define others_acted (strange != STRANGERS)

/* What only the destination's own recover, or its next receive, clears away. */
#define never_ready(t) (dst[t] == INCOMING || dst[t] == ABORTED && !was_ready[t])

/* In every state: never two copies that run or may be set running, and none that stands still without a name. */
proctype always()
{
end:
    do
    :: atomic { runnable_copies > 1 && strange == STRANGERS -> assert(false) }
    :: atomic { (stands || fence) && src[newest] == NONE -> assert(false) }
    :: atomic { there[1] == PAUSED && dst[1] == NONE || there[2] == PAUSED && dst[2] == NONE -> assert(false) }
    od
}

proctype judge()
{
    timeout;
    if
    :: world == HEALING ->
        assert(runs_somewhere || excused || for_human(1) || for_human(2));
        assert(src[1] == NONE || lost(1) || for_human(1) || others_acted);
        assert(src[2] == NONE || lost(2) || for_human(2) || others_acted);
        assert(dst[1] == NONE || lost(1) || for_human(1) || others_acted);
        assert(dst[2] == NONE || lost(2) || for_human(2) || others_acted)
    :: world == HEALING_HERE ->
        assert(runs_somewhere || excused || for_human(1) || for_human(2));
        assert(src[1] == NONE || lost(1) || for_human(1) || others_acted);
        assert(src[2] == NONE || lost(2) || for_human(2) || others_acted);
        assert(dst[1] == NONE || lost(1) || for_human(1) || others_acted || never_ready(1));
        assert(dst[2] == NONE || lost(2) || for_human(2) || others_acted || never_ready(2))
    :: world == SILENT ->
        assert(send_lives == 0 && receive_lives == 0);
        /* who was not killed has ended with the VM running here, or in a state that says who decides */
        assert(send_judged == 0 || src[send_judged] != COPYING &&
               (guest != SUSPENDED || src[send_judged] == GO_DECIDED));
        assert(receive_judged == 0 || dst[receive_judged] != INCOMING &&
               (there[receive_judged] != PAUSED || dst[receive_judged] == READY))
    fi
}

init
{
    atomic {
        run source(1); run source(2);
        run engine();
        run destination(1); run destination(2);
        run faults();
        run strangers();
        run always();
        run judge()
    }
}
