package dev.gyre.trainer.worker;

import dev.gyre.comms.ExitCode;
import dev.gyre.comms.ProcessSignals;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * SIGTERM to this worker. It is reported to the coordinator, and the worker continues until that
 * answers: usually with a request to save and stop, which all ranks serve together. A worker that
 * has not joined yet has nothing to save, and ends.
 */
final class TerminationSignal {
  private final IntConsumer exit;
  private @Nullable Runnable report;
  private boolean received;

  TerminationSignal(IntConsumer exit) {
    this.exit = exit;
  }

  /** Takes over the signal from the JVM, which would end the process. */
  static TerminationSignal install() {
    TerminationSignal signal = new TerminationSignal(code -> Runtime.getRuntime().halt(code));
    new ProcessSignals().on("TERM", signal::received);
    return signal;
  }

  /** Called on the JVM's signal thread; however often, it is reported once. */
  synchronized void received() {
    Runnable to = report;
    if (to == null) {
      exit.accept(ExitCode.PREEMPTED.code());
    } else if (!received) {
      received = true;
      Thread.ofPlatform().name("gyre-preempted").daemon().start(to);
    }
  }

  /** From now on the worker has a coordinator. */
  synchronized void reportTo(Runnable preempted) {
    report = preempted;
  }
}
