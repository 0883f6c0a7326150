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
 * Chooses the one cause of a failed run from the signs that come in.
 *
 * <p>A dead rank makes its peers fail a moment later, and their reports often arrive first. So
 * signs have grades: what names its own cause (a rank's own error, a process that was killed or
 * ended with an error) settles the matter at once; a broken stream waits for the launcher's word on
 * the process; a peer's "rank 1 is gone" only points.
 */
final class FailureDiagnosis {
  /** Only points at someone else. */
  private static final int VICTIM = 1;

  /** Trouble here, its reason unknown. */
  private static final int LOST = 2;

  /** Names its own cause. */
  private static final int CAUSE = 3;

  /** The exit code of a worker that ended because others did. */
  private static final int TRY_AGAIN = ExitCode.TRY_AGAIN.code();

  /**
   * @param rank the culprit, −1 if it never had one
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

  /** The cause, if a sign already names one. */
  Optional<Cause> settled() {
    return signs.stream()
        .filter(sign -> grade(sign.evidence()) == CAUSE)
        .findFirst()
        .map(this::cause);
  }

  /** The best guess when no better evidence came in time. There must be a sign. */
  Cause best() {
    return settled().or(this::lost).orElseGet(this::followVictims);
  }

  /** The first rank that vanished without a word about others. */
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
   * Only victims: walks from the first along "waited for rank p" until a rank that complained of
   * nobody. That rank is alive, as far as anyone knows, and does not answer.
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
      case Evidence.Reported(var failure) ->
          new Cause(
              sign.rank(),
              ExitCode.of(failure.getKind()),
              name + " failed " + where + ": " + failure.getMessage());
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
