package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.control.FailureKind;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ExitCodeTest {
  /** Scripts and pod failure policies depend on these numbers. */
  @Test
  void theNumbersStay() {
    assertEquals(
        List.of(0, 1, 64, 65, 70, 75, 76, 130, 143),
        Arrays.stream(ExitCode.values()).map(ExitCode::code).toList());
  }

  @Test
  void whatTheJobIsNotToBlameForMayBeTriedAgain() {
    assertEquals(ExitCode.TRY_AGAIN, ExitCode.of(FailureKind.FAILURE_KIND_SLOW_KERNEL));
    assertEquals(ExitCode.TRY_AGAIN, ExitCode.of(FailureKind.FAILURE_KIND_COMMS));
    assertEquals(ExitCode.BAD_JOB, ExitCode.of(FailureKind.FAILURE_KIND_DATA));
    assertEquals(ExitCode.CORRUPT_CHECKPOINT, ExitCode.of(FailureKind.FAILURE_KIND_CHECKPOINT));
    assertEquals(ExitCode.INTERNAL, ExitCode.of(FailureKind.FAILURE_KIND_INTERNAL));
  }

  @Test
  void aWorkersOwnCodeIsTheRunsOnlyWhereItSaysMore() {
    assertEquals(ExitCode.BAD_JOB, ExitCode.ofWorker(64));
    assertEquals(ExitCode.CORRUPT_CHECKPOINT, ExitCode.ofWorker(65));
    assertEquals(ExitCode.TRY_AGAIN, ExitCode.ofWorker(76));
    assertEquals(ExitCode.TRY_AGAIN, ExitCode.ofWorker(137));
  }
}
