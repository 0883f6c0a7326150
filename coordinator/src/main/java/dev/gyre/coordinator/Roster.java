package dev.gyre.coordinator;

import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.ToWorker;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Who has joined, and as which rank. */
final class Roster {
  private final String run;
  private final int workers;
  private final Map<WorkerLink, Member> members = new LinkedHashMap<>();

  Roster(String run, int workers) {
    this.run = run;
    this.workers = workers;
  }

  @Nullable Member of(WorkerLink link) {
    return members.get(link);
  }

  @Nullable Member of(int rank) {
    for (Member member : members.values()) {
      if (member.rank() == rank) {
        return member;
      }
    }
    return null;
  }

  Collection<Member> members() {
    return members.values();
  }

  List<Member> byRank() {
    return members.values().stream().sorted(Comparator.comparingInt(Member::rank)).toList();
  }

  int size() {
    return members.size();
  }

  boolean full() {
    return members.size() == workers;
  }

  /** Whether all workers have joined and satisfy the predicate. */
  boolean all(Predicate<Member> predicate) {
    return full() && members.values().stream().allMatch(predicate);
  }

  /** Ranks that are not assigned, or whose worker does not satisfy the predicate. */
  List<Integer> ranksWithout(Predicate<Member> predicate) {
    List<Integer> ranks = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      Member member = of(rank);
      if (member == null || !predicate.test(member)) {
        ranks.add(rank);
      }
    }
    return ranks;
  }

  /** Why this worker cannot join; empty if it can. */
  Optional<String> objection(Hello hello) {
    int wanted = hello.getWantedRank();
    if (!hello.getRun().equals(run)) {
      return Optional.of("this is run " + run + ", not " + hello.getRun());
    }
    if (full()) {
      return Optional.of("no worker is missing: %d of %d have joined".formatted(workers, workers));
    }
    if (wanted < -1 || wanted >= workers) {
      return Optional.of("rank " + wanted + " is not among 0 to " + (workers - 1));
    }
    Member holder = wanted < 0 ? null : of(wanted);
    if (holder != null) {
      return Optional.of("rank " + wanted + " is taken by pid " + holder.hello().getPid());
    }
    return Optional.empty();
  }

  Member add(WorkerLink link, Hello hello, long now) {
    Member member = new Member(link, hello, now);
    members.put(link, member);
    return member;
  }

  /**
   * Assigns open ranks to workers without one, host by host, so that neighbouring ranks share a
   * host.
   */
  void assignRanks() {
    List<Member> open =
        members.values().stream()
            .filter(member -> member.rank() < 0)
            .sorted(Comparator.comparing(member -> member.hello().getHost()))
            .toList();
    int rank = 0;
    for (Member member : open) {
      while (of(rank) != null) {
        rank++;
      }
      member.assign(rank);
    }
  }

  void broadcast(ToWorker message) {
    members.keySet().forEach(link -> link.send(message));
  }

  void complete() {
    members.keySet().forEach(WorkerLink::complete);
  }
}
