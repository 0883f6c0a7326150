package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.RingSchedule;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BalanceTest {
  @Test
  void zigzagIsEvenWhereContiguousIsNot() {
    Plan plan = Jobs.PLANNER.plan(Jobs.job(MeshSpec.of(4, 0, 0, 0, 0)), Jobs.workers(Jobs.ONEDNN));
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

  /**
   * Rows of 32,768 tokens with log-normal lengths on a ring of 4: from many documents too short to
   * cut to a few long ones, no rank computes 1.15 times the mean.
   */
  @Test
  void packedDocumentsAreEvenInZigzag() {
    double contiguous = 0;
    int rows = 0;
    for (double median : new double[] {64, 256, 600, 1200, 3000}) {
      for (double sigma : new double[] {0.5, 1, 1.5}) {
        for (long seed = 0; seed < 4; seed++) {
          Documents documents = logNormal(median, sigma, seed);
          String about = "median %s sigma %s seed %d".formatted(median, sigma, seed);
          for (AttentionMask mask :
              List.of(AttentionMask.CAUSAL, AttentionMask.CAUSAL.withAnchor())) {
            long over = over(LayoutKind.ZIGZAG, documents, mask);
            assertTrue(over <= 150, about + " " + mask + ": " + over + " thousandths over");
          }
          contiguous += over(LayoutKind.CONTIGUOUS, documents, AttentionMask.CAUSAL);
          rows++;
        }
      }
    }
    assertTrue(contiguous / rows > 300, "contiguous order is even: no contrast");
  }

  private static long over(LayoutKind kind, Documents documents, AttentionMask mask) {
    SequenceLayout layout = Layouts.of(kind, documents, 4, 1, Layouts.DEFAULT_MIN_CHUNK);
    return Balance.of(layout, new RingSchedule().schedule(layout, mask)).pairsOverMean();
  }

  private static Documents logNormal(double median, double sigma, long seed) {
    Random random = new Random(seed);
    int tokens = 32_768;
    int[] lengths = new int[tokens];
    int count = 0;
    for (int used = 0; used < tokens; used += lengths[count++]) {
      long length = Math.round(median * Math.exp(sigma * random.nextGaussian()));
      lengths[count] = Math.clamp(length, 1, tokens - used);
    }
    return new Documents(Arrays.copyOf(lengths, count));
  }
}
