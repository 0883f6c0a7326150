package dev.gyre.partitioning.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec.Checkpoint;
import dev.gyre.partitioning.job.JobSpec.Eval;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** After which of seven steps something is due. */
class DueTest {
  private static List<Long> checkpoints(long every) {
    Checkpoint checkpoint = Checkpoint.of(every, 1);
    return LongStream.rangeClosed(1, 7).filter(s -> checkpoint.due(s, 7)).boxed().toList();
  }

  private static List<Long> evals(long every) {
    Eval eval = Eval.of(every, 1);
    return LongStream.rangeClosed(1, 7).filter(s -> eval.due(s, 7)).boxed().toList();
  }

  @Test
  void checkpointsEverySoOftenAndAtTheEndOrNever() {
    assertEquals(List.of(3L, 6L, 7L), checkpoints(3));
    assertEquals(List.of(7L), checkpoints(0));
    assertEquals(List.of(), checkpoints(Checkpoint.NEVER));
    Invalid invalid = assertThrows(Invalid.class, () -> Checkpoint.of(-2, 1));
    assertTrue(invalid.getMessage().contains("-2 must be from -1 to"), invalid::getMessage);
  }

  @Test
  void evaluationsEverySoOftenAndAtTheEnd() {
    assertEquals(List.of(2L, 4L, 6L, 7L), evals(2));
    assertEquals(List.of(7L), evals(0));
  }
}
