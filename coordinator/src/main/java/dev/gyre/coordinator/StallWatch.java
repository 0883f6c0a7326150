package dev.gyre.coordinator;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
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
   */
  record Stall(int rank, long nanos, String text) {}

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
    Optional<Member> still =
        longest(members, Comparator.comparingLong(member -> member.stillNanos(now)));
    if (still.isEmpty() || still.get().stillNanos(now) < reportNanos) {
      return Optional.empty();
    }
    Member culprit = endOfChain(still.get(), byRank, now);
    // A rank that waits for no peer is computing: a kernel over a long row may take a minute.
    String how = culprit.waitingFor() < 0 ? "has been busy" : "has stood still";
    return Optional.of(stall(culprit, culprit.stillNanos(now), how, members, now));
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
   * Follows "waits for" while that rank stalls too. Ends at a rank that waits for no peer or for
   * one that makes progress. In a cycle it ends where it began: any of them will do.
   */
  private Member endOfChain(Member from, IntFunction<@Nullable Member> byRank, long now) {
    Set<Integer> seen = new HashSet<>();
    Member at = from;
    while (seen.add(at.rank())) {
      Member next = at.waitingFor() < 0 ? null : byRank.apply(at.waitingFor());
      if (next == null || next.finished() || next.stillNanos(now) < reportNanos) {
        return at;
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
