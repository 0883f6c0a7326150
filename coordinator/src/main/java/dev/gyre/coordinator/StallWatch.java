package dev.gyre.coordinator;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Finds the rank that blocks the others. Ranks run in lockstep, so if one stalls, soon all do. The
 * one to name is at the end of the chain of "waits for".
 */
final class StallWatch {
  /**
   * @param nanos how long it has stalled or been silent
   * @param onStorage it reads or writes files
   */
  record Stall(int rank, long nanos, boolean onStorage, String text) {}

  private final long reportNanos;

  /** By rank, the phase count at which a stall was reported. */
  private final Map<Integer, Long> reported = new HashMap<>();

  StallWatch(long reportNanos) {
    this.reportNanos = reportNanos;
  }

  /** The rank that blocks the others now, if one has stalled for long enough. */
  Optional<Stall> find(Collection<Member> members, IntFunction<@Nullable Member> byRank, long now) {
    Optional<Member> silent =
        longest(members, Comparator.comparingLong(member -> member.silentNanos(now)));
    if (silent.isPresent() && silent.get().silentNanos(now) >= reportNanos) {
      Member member = silent.get();
      return Optional.of(stall(member, member.silentNanos(now), "has been silent", members, now));
    }
    List<Member> still =
        members.stream()
            .filter(member -> !member.finished() && member.stillNanos(now) >= reportNanos)
            .sorted(Comparator.comparingLong((Member member) -> member.stillNanos(now)).reversed())
            .toList();
    for (Member member : still) {
      Member culprit = endOfChain(member, byRank, now);
      if (culprit != null) {
        return Optional.of(stall(culprit, culprit.stillNanos(now), how(culprit), members, now));
      }
    }
    return Optional.empty();
  }

  private static String how(Member culprit) {
    if (culprit.onStorage()) {
      return "has been reading or writing files";
    }
    // A rank that waits for no peer is computing: a kernel over a long row may take a minute.
    return culprit.waitingFor() < 0 ? "has been busy" : "has made no progress";
  }

  /** Whether this stall has not been reported yet; it then counts as reported. */
  boolean isNew(Stall stall, Member member) {
    Long before = reported.put(stall.rank(), member.changes());
    return before == null || before != member.changes();
  }

  private static Optional<Member> longest(Collection<Member> members, Comparator<Member> by) {
    return members.stream().filter(member -> !member.finished()).max(by);
  }

  /**
   * Follows "waits for" while that rank stalls too. Ends at a rank that waits for no peer. In a
   * cycle it ends where it began: any of them will do. Null if it ends at a rank that makes
   * progress, such as one that writes a long checkpoint: then nobody is to blame.
   */
  private @Nullable Member endOfChain(Member from, IntFunction<@Nullable Member> byRank, long now) {
    Set<Integer> seen = new HashSet<>();
    Member at = from;
    while (seen.add(at.rank())) {
      Member next = at.waitingFor() < 0 ? null : byRank.apply(at.waitingFor());
      if (next == null || next.finished()) {
        return at;
      }
      if (next.stillNanos(now) < reportNanos) {
        return null;
      }
      at = next;
    }
    return from;
  }

  private Stall stall(Member member, long nanos, String how, Collection<Member> members, long now) {
    long waiting =
        members.stream()
            .filter(other -> other != member && !other.finished() && other.waitingFor() >= 0)
            .filter(other -> other.stillNanos(now) >= reportNanos)
            .count();
    String others =
        waiting == 0 ? "" : waiting == 1 ? "; 1 other rank waits" : "; " + waiting + " others wait";
    return new Stall(
        member.rank(),
        nanos,
        member.onStorage(),
        member.name()
            + " "
            + how
            + " for "
            + TimeUnit.NANOSECONDS.toSeconds(nanos)
            + " s "
            + member.whereAndForWhom()
            + others);
  }
}
