package dev.gyre.trainer.worker;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.ExitCode;
import dev.gyre.comms.control.FailureKind;
import dev.gyre.kernels.WorkspaceFullException;
import dev.gyre.model.safetensors.SafetensorsException;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.plan.InvalidPlanException;
import dev.gyre.trainer.checkpoint.CheckpointException;
import dev.gyre.trainer.checkpoint.ResumeRefusedException;
import dev.gyre.trainer.checkpoint.UnknownFormatException;
import dev.gyre.trainer.control.ControlException;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.json.SpecException;
import dev.gyre.trainer.offload.OffloadException;
import dev.gyre.trainer.step.NumericException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.InvalidPathException;
import org.jspecify.annotations.Nullable;

/**
 * What a process says and ends with for anything that was thrown: the one place for commands and
 * workers. Only an unexpected Throwable is a bug in Gyre.
 *
 * @param kind for the coordinator
 * @param exit of the process
 * @param message for the user: what failed, why, and what to do; without a prefix
 */
public record Failure(FailureKind kind, ExitCode exit, String message) {
  /** Wrappers of wrappers end somewhere, even if a cause causes itself. */
  private static final int MOST_CAUSES = 20;

  private Failure(FailureKind kind, String message) {
    this(kind, ExitCode.of(kind), message);
  }

  /** Never throws; null causes and messages are fine. */
  public static Failure of(Throwable thrown) {
    @Nullable Throwable e = thrown;
    for (int depth = 0; e != null && depth < MOST_CAUSES; depth++) {
      Failure known = known(e);
      if (known != null) {
        return known.within(depth == 0 ? "" : context(thrown));
      }
      e = e.getCause();
    }
    return new Failure(
        FailureKind.FAILURE_KIND_INTERNAL, "a bug in Gyre, not in your job: " + thrown);
  }

  /** Whether the trace of calls says more than the message. */
  public boolean isBug() {
    return kind == FailureKind.FAILURE_KIND_INTERNAL;
  }

  private Failure within(String context) {
    return context.isEmpty() || message.contains(context)
        ? this
        : new Failure(kind, exit, context + ": " + message);
  }

  /** What a wrapper says of its own, such as {@code writing metrics.jsonl}. */
  private static String context(Throwable wrapper) {
    Throwable cause = wrapper.getCause();
    String message = wrapper.getMessage();
    if (message == null || cause == null || wrapper instanceof LinkageError) {
      return "";
    }
    return message.equals(cause.toString()) ? "" : message;
  }

  /** Null if it is not expected, or if its cause says more. */
  private static @Nullable Failure known(Throwable e) {
    return switch (e) {
      case CommsException f -> told(FailureKind.FAILURE_KIND_COMMS, f);
      case NumericException f -> told(FailureKind.FAILURE_KIND_NUMERIC, f);
      case DataException f -> told(FailureKind.FAILURE_KIND_DATA, f);
      case CheckpointException f -> told(FailureKind.FAILURE_KIND_CHECKPOINT, f);
      case ResumeRefusedException f -> told(FailureKind.FAILURE_KIND_JOB, f);
      case UnknownFormatException f -> told(FailureKind.FAILURE_KIND_JOB, f);
      case SlowKernelException f -> told(FailureKind.FAILURE_KIND_SLOW_KERNEL, f);
      case WorkspaceFullException f -> told(FailureKind.FAILURE_KIND_MEMORY, f);
      case OffloadException f -> told(FailureKind.FAILURE_KIND_STORAGE, f);
      case ControlException f -> told(FailureKind.FAILURE_KIND_COMMS, f);
      case InvalidPlanException f -> told(FailureKind.FAILURE_KIND_JOB, f);
      case Invalid f -> told(FailureKind.FAILURE_KIND_JOB, f);
      case SpecException f -> told(FailureKind.FAILURE_KIND_JOB, f);
      // Damaged checkpoints have their own exception: these are weights that the job names.
      case SafetensorsException f -> told(FailureKind.FAILURE_KIND_JOB, f);
      case InvalidPathException f ->
          new Failure(FailureKind.FAILURE_KIND_JOB, FileFailure.unusableName(f));
      case InterruptedException _, ClosedByInterruptException _ ->
          new Failure(FailureKind.FAILURE_KIND_COMMS, ExitCode.INTERRUPTED, "interrupted");
      case StorageException f -> FileFailure.of(f);
      case IOException f -> FileFailure.of(f);
      case OutOfMemoryError f ->
          new Failure(FailureKind.FAILURE_KIND_MEMORY, MachineFailure.outOfMemory(f));
      case LinkageError f
          when f.getCause() == null || f.getCause() instanceof ClassNotFoundException ->
          MachineFailure.of(f);
      case InternalError f -> MachineFailure.of(f);
      default -> null;
    };
  }

  private static Failure told(FailureKind kind, Throwable e) {
    String message = e.getMessage();
    return new Failure(kind, message == null ? e.toString() : message);
  }

  static Failure of(FailureKind kind, String message) {
    return new Failure(kind, message);
  }
}
