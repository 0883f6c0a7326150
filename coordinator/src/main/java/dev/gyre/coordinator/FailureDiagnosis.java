package dev.gyre.coordinator;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FailureKind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Determines the one cause of a failed run from the evidence that arrives.
 *
 * <p>A dead rank makes its peers fail a moment later, and their reports often arrive first. So
 * evidence has grades. A rank's own error, or a process that was killed or ended with an error,
 * decides at once. A broken stream waits for the launcher's report about the process. A peer's
 * "rank 1 is gone" only points at another rank.
 */
final class FailureDiagnosis {
  /** Only points at another rank. */
  private static final int VICTIM = 1;

  /** This rank failed, for an unknown reason. */
  private static final int LOST = 2;

  /** Names its own cause. */
  private static final int CAUSE = 3;

  /** The exit code of a worker that ended because others did. */
  private static final int TRY_AGAIN = ExitCode.TRY_AGAIN.code();

  /**
   * @param rank the rank that failed, −1 if none was assigned
   */
  record Cause(int rank, ExitCode exit, String text) {}

  private record Sign(int rank, @Nullable Member member, Evidence evidence) {}

  private final List<Sign> signs = new ArrayList<>();
  private final IntFunction<@Nullable Member> byRank;

  /**
   * @param byRank the member of a rank, null if it has not joined
   */
  FailureDiagnosis(IntFunction<@Nullable Member> byRank) {
    this.byRank = byRank;
  }

  boolean open() {
    return !signs.isEmpty();
  }

  /**
   * @param member the worker concerned, null if it has not joined
   */
  void add(int rank, @Nullable Member member, Evidence evidence) {
    signs.add(new Sign(rank, member, evidence));
  }

  /** The cause, if evidence already names one. */
  Optional<Cause> settled() {
    return signs.stream()
        .filter(sign -> grade(sign.evidence()) == CAUSE)
        .findFirst()
        .map(this::cause);
  }

  /** The best guess when no better evidence came in time. There must be some evidence. */
  Cause best() {
    return settled().or(this::lost).orElseGet(this::followVictims);
  }

  /** The first rank that was lost without blaming another. */
  private Optional<Cause> lost() {
    return signs.stream()
        .filter(sign -> grade(sign.evidence()) == LOST)
        .filter(sign -> signs.stream().noneMatch(s -> s.rank() == sign.rank() && isVictim(s)))
        .findFirst()
        .map(this::cause);
  }

  private static boolean isVictim(Sign sign) {
    return grade(sign.evidence()) == VICTIM;
  }

  private static int grade(Evidence evidence) {
    return switch (evidence) {
      case Evidence.Reported(var failure) ->
          failure.getKind() == FailureKind.FAILURE_KIND_COMMS ? VICTIM : CAUSE;
      case Evidence.Exited(var exit) -> exit.exitCode() == TRY_AGAIN ? VICTIM : CAUSE;
      case Evidence.Broken _, Evidence.Silent _ -> LOST;
    };
  }

  /**
   * All evidence points at other ranks. Follows "waited for rank p" from the first to a rank that
   * blames no other. As far as known that rank is alive, but it does not answer.
   */
  private Cause followVictims() {
    Sign first = signs.stream().filter(FailureDiagnosis::isVictim).findFirst().orElseThrow();
    Set<Integer> seen = new HashSet<>();
    Sign at = first;
    while (seen.add(at.rank())) {
      int peer = peerOf(at.evidence());
      if (peer < 0) {
        return cause(at);
      }
      Optional<Sign> next =
          signs.stream().filter(sign -> sign.rank() == peer && isVictim(sign)).findFirst();
      if (next.isEmpty()) {
        Member culprit = byRank.apply(peer);
        String where =
            culprit == null ? "rank " + peer : culprit.name() + " " + culprit.whereAndForWhom();
        return new Cause(
            peer, ExitCode.TRY_AGAIN, where + ": does not answer its peers; " + cause(at).text());
      }
      at = next.get();
    }
    return cause(first);
  }

  private static int peerOf(Evidence evidence) {
    return evidence instanceof Evidence.Reported(var failure) ? failure.getPeer() : -1;
  }

  private Cause cause(Sign sign) {
    Member member = sign.member();
    String name = member == null ? "rank " + sign.rank() : member.name();
    String where = member == null ? "before it joined" : member.where();
    return switch (sign.evidence()) {
      case Evidence.Reported(var failure) -> {
        // A full disk is no fault of the rank: begin with what could not be written.
        String text =
            failure.getKind() == FailureKind.FAILURE_KIND_STORAGE
                ? failure.getMessage() + " (" + name + " " + where + ")"
                : name + " failed " + where + ": " + failure.getMessage();
        yield new Cause(sign.rank(), ExitCode.of(failure.getKind()), text);
      }
      case Evidence.Exited(var exit) -> {
        String who = member == null ? name + " (pid " + exit.pid() + ")" : name;
        String log = exit.log().isEmpty() ? "" : "; its output: " + exit.log();
        yield new Cause(
            sign.rank(),
            ExitCode.ofWorker(exit.exitCode()),
            who + " was lost " + where + ": it " + exit.describe() + log);
      }
      case Evidence.Broken(var how) ->
          new Cause(
              sign.rank(),
              ExitCode.TRY_AGAIN,
              name + " was lost " + where + ": its control stream broke (" + how + ")");
      case Evidence.Silent(var nanos) -> {
        String forWhom = member == null ? where : member.whereAndForWhom();
        yield new Cause(
            sign.rank(),
            ExitCode.TRY_AGAIN,
            name
                + " has been silent for "
                + TimeUnit.NANOSECONDS.toSeconds(nanos)
                + " s "
                + forWhom);
      }
    };
  }
}
