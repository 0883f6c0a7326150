package dev.gyre.trainer.worker;

import dev.gyre.comms.SystemLimits;
import dev.gyre.comms.control.FailureKind;
import java.util.Locale;

/** What the machine or the installation denied: memory, threads, classes, mapped files. */
final class MachineFailure {
  private MachineFailure() {}

  static String outOfMemory(OutOfMemoryError e) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("native thread")) {
      return "no more threads can be started (%s); %s, or use fewer workers"
          .formatted(message, SystemLimits.advice(message).orElse("free some"));
    }
    long heap = Runtime.getRuntime().maxMemory();
    return String.format(
        Locale.ROOT,
        "out of memory (%s; heap limit %d MiB); close other programs, or use fewer workers, shorter"
            + " rows (train.sequence-length), a smaller model or smaller files",
        message,
        heap >> 20);
  }

  /** A class or library that was there when Gyre was built cannot be loaded now. */
  static Failure of(LinkageError e) {
    return Failure.of(
        FailureKind.FAILURE_KIND_STORAGE,
        "%s: %s cannot be loaded. The installation in %s is incomplete or was changed while this process ran, or the limit on open files (ulimit -n) is too low. Try again"
            .formatted(
                e.getClass().getSimpleName(),
                e.getMessage(),
                System.getProperty("gyre.home", "use")));
  }

  /** The JVM's word for SIGBUS: a page of a mapped file has nothing behind it. */
  static Failure of(InternalError e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("unsafe memory access")
        ? Failure.of(
            FailureKind.FAILURE_KIND_STORAGE,
            "a mapped file has no memory behind it (%s): /dev/shm or the disk is full, or the file was truncated. Make room, then try again"
                .formatted(message))
        : Failure.of(FailureKind.FAILURE_KIND_INTERNAL, "a bug in Gyre or the JDK: " + e);
  }
}
