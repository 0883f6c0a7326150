package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.schedule.RingSchedule;
import java.util.List;
import org.junit.jupiter.api.Test;

class BalanceTest {
  @Test
  void zigzagIsEvenWhereContiguousIsNot() {
    Plan plan = Planner.plan(Jobs.job(new MeshSpec(4, 0, 0, 0, 0)), Jobs.workers(Jobs.ONEDNN));
    SequenceLayout zigzag = plan.layoutOf(new Documents(8000));
    Balance even = Balance.of(zigzag, new RingSchedule().schedule(zigzag, AttentionMask.CAUSAL));
    assertEquals(List.of(2000L, 2000L, 2000L, 2000L), even.tokens());
    assertTrue(even.pairsOverMean() <= 20, even.toString());
    assertEquals(8000L * 8001 / 2, even.pairs().stream().mapToLong(Long::longValue).sum());

    SequenceLayout contiguous = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(8000), 4, 1, 64);
    Balance uneven =
        Balance.of(contiguous, new RingSchedule().schedule(contiguous, AttentionMask.CAUSAL));
    assertEquals(0, uneven.tokensOverMean());
    // The last of four ranks has 7/16 of the triangle: 3/4 over the mean.
    assertEquals(749, uneven.pairsOverMean());
  }

  @Test
  void anEmptyRowIsEven() {
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, new Documents(), 2, 1, 64);
    Balance balance = Balance.of(layout, new RingSchedule().schedule(layout, AttentionMask.CAUSAL));
    assertEquals(0, balance.tokensOverMean());
    assertEquals(0, balance.pairsOverMean());
  }
}
