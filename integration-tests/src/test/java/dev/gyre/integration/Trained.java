package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.checkpoint.CheckpointReader;
import dev.gyre.trainer.checkpoint.StateKind;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The results of a run: its metrics, and all tensors of a checkpoint, optimizer state included.
 *
 * @param tensors by name and kind of state
 */
record Trained(List<StepMetrics> steps, Map<String, float[]> tensors) {
  private static final double LOSS = 1e-5;
  private static final double NORM = 1e-4;

  /**
   * Limit relative to a tensor's largest magnitude: the contract for weights after five AdamW
   * steps.
   */
  private static final float WEIGHTS = 2e-4f;

  static Trained of(Path run, long step) throws IOException {
    return new Trained(metrics(run), tensors(run.resolve("checkpoints").resolve("step-" + step)));
  }

  static List<StepMetrics> metrics(Path run) throws IOException {
    List<StepMetrics> steps = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      steps.add(StepMetrics.parse(line, "a line of metrics"));
    }
    return steps;
  }

  private static Map<String, float[]> tensors(Path checkpoint) throws IOException {
    Map<String, float[]> tensors = new LinkedHashMap<>();
    try (CheckpointReader reader = CheckpointReader.open(checkpoint);
        Arena arena = Arena.ofConfined()) {
      for (TensorSpec spec : reader.manifest().model().tensors()) {
        for (StateKind kind : StateKind.values()) {
          MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, spec.elements());
          reader.read(spec, kind, spec.whole(), values);
          tensors.put(spec.name() + " " + kind, values.toArray(ValueLayout.JAVA_FLOAT));
        }
      }
    }
    return tensors;
  }

  /** With only the lines {@code [from, to)} of the metrics. */
  Trained withSteps(int from, int to) {
    return new Trained(List.copyOf(steps.subList(from, to)), tensors);
  }

  /** The same choices, losses and norms in every step, the same weights after the last. */
  static void assertEqualWithin(Trained want, Trained got) {
    assertEquals(want.steps.size(), got.steps.size(), "steps");
    for (int i = 0; i < want.steps.size(); i++) {
      StepMetrics w = want.steps.get(i);
      StepMetrics g = got.steps.get(i);
      String step = "step " + w.step();
      assertEquals(w.expertLoad(), g.expertLoad(), step + ": the routers chose differently");
      assertEquals(w.loss(), g.loss(), LOSS, step + " loss");
      assertEquals(w.totalLoss(), g.totalLoss(), LOSS, step + " total loss");
      assertEquals(w.gradNorm(), g.gradNorm(), NORM * w.gradNorm(), step + " gradient norm");
    }
    assertEquals(want.tensors.keySet(), got.tensors.keySet());
    want.tensors.forEach(
        (name, w) -> {
          if (name.endsWith(StateKind.WEIGHT.name())) {
            assertArrayEquals(w, got.tensors.get(name), WEIGHTS * largest(w), name);
          }
        });
  }

  /** The same bits everywhere, optimizer state included. */
  static void assertSameBits(Trained want, Trained got) {
    assertEquals(want.steps.size(), got.steps.size(), "steps");
    for (int i = 0; i < want.steps.size(); i++) {
      StepMetrics w = want.steps.get(i);
      StepMetrics g = got.steps.get(i);
      assertEquals(w.step(), g.step());
      assertEquals(w.loss(), g.loss(), "loss of step " + w.step());
      assertEquals(w.totalLoss(), g.totalLoss(), "total loss of step " + w.step());
      assertEquals(w.gradNorm(), g.gradNorm(), "gradient norm of step " + w.step());
    }
    assertEquals(want.tensors.keySet(), got.tensors.keySet());
    want.tensors.forEach((name, w) -> assertArrayEquals(w, got.tensors.get(name), name));
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
