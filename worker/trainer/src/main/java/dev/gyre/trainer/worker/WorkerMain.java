package dev.gyre.trainer.worker;

import java.util.Locale;

/** Entry point of a worker process. Its arguments are {@link WorkerOptions}. */
public final class WorkerMain {
  private WorkerMain() {}

  public static void main(String[] args) {
    // Files and messages are the same everywhere: some languages write digits of their own.
    Locale.setDefault(Locale.ROOT);
    System.exit(run(args));
  }

  private static int run(String[] args) {
    try {
      TerminationSignal termination = TerminationSignal.install();
      ParentPipe.watch();
      int cores = CoreShare.take();
      return new Worker(WorkerOptions.parse(args), cores, termination).run();
    } catch (Throwable e) {
      Failure failure = Failure.of(e);
      System.err.println("gyre: " + failure.message());
      e.printStackTrace();
      return failure.exit().code();
    }
  }
}
