package dev.gyre.trainer.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.partitioning.model.TensorNames;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A result that is wrong in one place fails there, and nowhere else. */
final class ComparisonTest {
  private GoldenCase golden;

  @BeforeEach
  void load() throws IOException {
    golden = GoldenCase.load(GoldenRunTest.folder("balanced"));
  }

  @Test
  void theExpectedValuesThemselvesPass() {
    assertEquals(List.of(), failed(DType.F32, _ -> {}));
    assertEquals(List.of(), failed(DType.BF16, _ -> {}));
  }

  @Test
  void losses() {
    assertEquals(List.of("loss"), failed(DType.F32, r -> r.loss += 1.1e-5));
    assertEquals(List.of("cross-entropy"), failed(DType.F32, r -> r.crossEntropy -= 1.1e-5));
    assertEquals(List.of("loss"), failed(DType.BF16, r -> r.loss += 1.1e-2));
    assertEquals(List.of(), failed(DType.BF16, r -> r.loss += 0.9e-2));
    assertEquals(List.of("curve"), failed(DType.F32, r -> r.curve[7] += 1.1e-4));
  }

  @Test
  void oneWrongLogit() {
    assertEquals(List.of("logits"), failed(DType.F32, r -> r.logits[0][100] += 1e-3f));
    assertEquals(List.of("logits"), failed(DType.F32, r -> r.logits[0][100] = Float.NaN));
  }

  @Test
  void oneGradient() {
    String name = new TensorNames(1).expertDown(2);
    assertEquals(
        List.of("gradient experts.down"), failed(DType.F32, r -> r.gradient(name)[5] += 1e-4f));
    assertEquals(
        List.of("gradient experts.down"), failed(DType.F32, r -> r.gradient(name)[5] = Float.NaN));
    assertEquals(
        List.of("gradient experts.down"), failed(DType.BF16, r -> scale(r.gradient(name), 1.061f)));
    assertEquals(List.of(), failed(DType.BF16, r -> scale(r.gradient(name), 1.059f)));
  }

  @Test
  void gradientsThatAreAllSlightlyOff() {
    List<String> failed =
        failed(
            DType.BF16,
            r -> golden.gradients().keySet().forEach(name -> scale(r.gradient(name), 1.031f)));
    assertEquals(List.of("gradients, median"), failed);
  }

  @Test
  void aRouterChoice() {
    assertEquals(
        List.of("router choices"),
        failed(DType.F32, r -> r.choices[0][0][4] = (r.choices[0][0][4] + 1) % 4));
    // Sets, not sequences.
    assertEquals(
        List.of(),
        failed(
            DType.F32,
            r -> {
              int first = r.choices[1][0][8];
              r.choices[1][0][8] = r.choices[1][0][9];
              r.choices[1][0][9] = first;
            }));
  }

  @Test
  void whatNoRankComputedFails() {
    GoldenReport report = Comparison.of(golden, new GoldenResult(golden), DType.F32);
    report.lines().forEach(line -> assertTrue(!line.passed(), line::toString));
  }

  private static void scale(float[] x, float factor) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }

  /** The groups that fail if the expected values get this one change. */
  private List<String> failed(DType dtype, Consumer<GoldenResult> change) {
    GoldenResult result = new GoldenResult(golden);
    result.loss = golden.loss();
    result.crossEntropy = golden.crossEntropy();
    for (Map.Entry<String, float[]> e : golden.gradients().entrySet()) {
      System.arraycopy(e.getValue(), 0, result.gradient(e.getKey()), 0, e.getValue().length);
    }
    for (int row = 0; row < golden.logits().length; row++) {
      System.arraycopy(golden.logits()[row], 0, result.logits[row], 0, result.logits[row].length);
      for (int layer = 0; layer < golden.choices().length; layer++) {
        int[] choices = golden.choices()[layer][row];
        System.arraycopy(choices, 0, result.choices[layer][row], 0, choices.length);
      }
    }
    for (int step = 0; step < result.curve.length; step++) {
      result.curve[step] = golden.curve().get(step);
    }
    change.accept(result);
    return Comparison.of(golden, result, dtype).lines().stream()
        .filter(line -> !line.passed())
        .map(GoldenReport.Line::group)
        .toList();
  }
}
