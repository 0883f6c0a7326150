package dev.gyre.comms;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The ranks of one run, as threads, and the network that carries their messages. */
public abstract class Cluster implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** One rank's program. */
  @FunctionalInterface
  public interface Program<T> {
    T run(Transport transport) throws Exception;
  }

  /** A rank's return value, or the exception it threw. */
  public record Outcome<T>(T value, Throwable thrown) {}

  public abstract int size();

  /** Opens a rank's transport; called on that rank's thread, and may wait for the others. */
  public abstract Transport open(int rank) throws Exception;

  @Override
  public abstract void close();

  /** Runs the program on every rank and returns the results by rank; rethrows the first failure. */
  public <T> List<T> run(Program<T> program) throws Exception {
    List<T> values = new ArrayList<>();
    Throwable first = null;
    for (Outcome<T> outcome : outcomes(program)) {
      if (outcome.thrown() != null && first == null) {
        first = outcome.thrown();
      }
      values.add(outcome.value());
    }
    if (first != null) {
      throw new AssertionError("a rank failed: " + first.getMessage(), first);
    }
    return values;
  }

  /** Runs the program on every rank; a rank that throws aborts its transport. */
  public <T> List<Outcome<T>> outcomes(Program<T> program) throws Exception {
    CountDownLatch allDone = new CountDownLatch(size());
    List<FutureTask<T>> tasks = new ArrayList<>();
    for (int rank = 0; rank < size(); rank++) {
      int mine = rank;
      Callable<T> body =
          () -> {
            try (Transport transport = open(mine)) {
              try {
                return program.run(transport);
              } catch (Throwable failed) {
                transport.abort("the program failed: " + failed.getMessage());
                throw failed;
              } finally {
                // No rank closes its transport while others may still be handling a fault.
                allDone.countDown();
                allDone.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
              }
            }
          };
      FutureTask<T> task = new FutureTask<>(body);
      tasks.add(task);
      Thread.ofPlatform().daemon().name("rank-" + rank).start(task);
    }
    List<Outcome<T>> outcomes = new ArrayList<>();
    for (FutureTask<T> task : tasks) {
      try {
        outcomes.add(new Outcome<>(task.get(LIMIT.toSeconds(), TimeUnit.SECONDS), null));
      } catch (ExecutionException failed) {
        outcomes.add(new Outcome<>(null, failed.getCause()));
      } catch (TimeoutException hung) {
        throw new AssertionError("a rank hangs", hung);
      }
    }
    return outcomes;
  }
}
