package dev.gyre.trainer.rank;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.Transport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** Runs all ranks of a mesh as threads of this process. */
public final class RankThreads {
  private RankThreads() {}

  /** What one rank does. */
  @FunctionalInterface
  public interface Body<T> {
    T run(Transport transport) throws Exception;
  }

  /**
   * Runs the body once per rank, each on its own thread with its own transport, and waits for all.
   * If one fails, the others' transports are aborted, so that no rank waits for it.
   *
   * @return what each rank returned, in order
   * @throws RuntimeException of a rank whose failure is not a consequence of another's; the others'
   *     are suppressed exceptions
   */
  public static <T> List<T> run(int ranks, LocalNetwork network, Body<T> body) {
    AtomicReferenceArray<@Nullable Transport> opened = new AtomicReferenceArray<>(ranks);
    List<Rank<T>> all = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      all.add(new Rank<>(rank, network, body, opened));
    }
    for (Rank<T> rank : all) {
      rank.thread.start();
    }
    boolean interrupted = false;
    for (Rank<T> rank : all) {
      interrupted |= rank.join();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    throwFirstFailure(all);
    List<T> results = new ArrayList<>();
    for (Rank<T> rank : all) {
      results.add(rank.result());
    }
    return results;
  }

  /**
   * A comms failure is usually a consequence of another rank's failure, so any other exception is
   * thrown first.
   */
  private static <T> void throwFirstFailure(List<Rank<T>> ranks) {
    List<Throwable> failures = new ArrayList<>();
    for (Rank<T> rank : ranks) {
      Throwable failure = rank.failure;
      if (failure != null) {
        failures.add(failure);
      }
    }
    if (failures.isEmpty()) {
      return;
    }
    failures.sort(Comparator.comparing(RankThreads::isEcho));
    Throwable first = failures.removeFirst();
    RuntimeException thrown =
        first instanceof RuntimeException e ? e : new IllegalStateException(first);
    failures.forEach(thrown::addSuppressed);
    throw thrown;
  }

  private static boolean isEcho(Throwable failure) {
    return failure instanceof CommsException;
  }

  private static final class Rank<T> {
    final Thread thread;
    private final int rank;
    private final LocalNetwork network;
    private final Body<T> body;
    private final AtomicReferenceArray<@Nullable Transport> opened;
    private volatile @Nullable T result;
    volatile @Nullable Throwable failure;

    Rank(
        int rank,
        LocalNetwork network,
        Body<T> body,
        AtomicReferenceArray<@Nullable Transport> opened) {
      this.rank = rank;
      this.network = network;
      this.body = body;
      this.opened = opened;
      this.thread = Thread.ofPlatform().name("rank-" + rank).unstarted(this::run);
    }

    private void run() {
      try {
        Transport transport = network.open(rank);
        opened.set(rank, transport);
        result = body.run(transport);
      } catch (Throwable e) { // an AssertionError ends the other ranks, too
        failure = e;
        for (int r = 0; r < opened.length(); r++) {
          Transport other = opened.get(r);
          if (other != null) {
            other.abort("rank %d failed: %s".formatted(rank, e));
          }
        }
      }
    }

    T result() {
      T value = result;
      if (value == null) {
        throw new IllegalStateException("rank " + rank + " returned nothing");
      }
      return value;
    }

    /** Waits for the end; returns whether the wait was interrupted. */
    boolean join() {
      boolean interrupted = false;
      while (true) {
        try {
          thread.join();
          return interrupted;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
  }
}
