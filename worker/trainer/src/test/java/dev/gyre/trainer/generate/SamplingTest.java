package dev.gyre.trainer.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.trainer.step.NumericException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SamplingTest {
  private static final float[] LOGITS = {1, 3, 2};

  @Test
  void zeroTakesTheLikeliestAndTinyTemperaturesNearlySo() {
    for (double temperature : new double[] {0, 1e-30, 1e-3}) {
      Sampling sampling = new Sampling(temperature, 1);
      assertEquals(1, sampling.draw(LOGITS, new SplittableRandom(1)));
    }
  }

  @Test
  void frequenciesFollowTheSoftmax() {
    Sampling sampling = new Sampling(1, 1);
    SplittableRandom random = new SplittableRandom(1);
    int[] drawn = new int[3];
    for (int i = 0; i < 20_000; i++) {
      drawn[sampling.draw(LOGITS, random)]++;
    }
    // e^1, e^3 and e^2 over their sum
    assertEquals(0.090, drawn[0] / 20_000.0, 0.01);
    assertEquals(0.665, drawn[1] / 20_000.0, 0.01);
    assertEquals(0.245, drawn[2] / 20_000.0, 0.01);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, Double.NaN, Double.POSITIVE_INFINITY, 1e39})
  void aTemperatureThatIsNoneIsRefused(double temperature) {
    Invalid e = assertThrows(Invalid.class, () -> new Sampling(temperature, 1));
    assertTrue(e.getMessage().contains("must be at least 0"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void logitsThatAreNotFiniteAreNamed(float bad) {
    NumericException e =
        assertThrows(
            NumericException.class,
            () -> new Sampling(1, 1).draw(new float[] {1, bad}, new SplittableRandom(1)));
    assertTrue(e.getMessage().contains("not finite: logit 1"), e.getMessage());
  }
}
