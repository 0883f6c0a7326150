package dev.gyre.trainer.golden;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Observer;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.trainer.rank.RowPart;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies one rank's logits and router choices of a row into the complete result. */
final class RowRecorder implements Observer {
  private final Backend backend;
  private final float[] logits;
  private final int[][] choices;
  private final int[][] expected;
  private final boolean replay;
  private final int[] positions;

  /**
   * @param backend backend of the observed tensors
   * @param logits of the row, written
   * @param choices of the row by layer, written
   * @param expected choices of the row by layer
   * @param replay whether the router replays the expected choices
   */
  RowRecorder(
      Backend backend,
      RowPart part,
      float[] logits,
      int[][] choices,
      int[][] expected,
      boolean replay) {
    this.backend = backend;
    this.logits = logits;
    this.choices = choices;
    this.expected = expected;
    this.replay = replay;
    positions = new int[part.tokens()];
    int at = 0;
    for (TokenRange run : part.runs()) {
      for (int p = run.start(); p < run.end(); p++) {
        positions[at++] = p;
      }
    }
  }

  @Override
  public void logits(long firstToken, Tensor tile) {
    int vocabulary = (int) tile.width();
    backend.hostReads(tile);
    MemorySegment values = tile.segment();
    for (int t = 0; t < tile.dim(0); t++) {
      int position = positions[(int) firstToken + t];
      MemorySegment.copy(
          values,
          ValueLayout.JAVA_FLOAT,
          (long) t * vocabulary * Float.BYTES,
          logits,
          position * vocabulary,
          vocabulary);
    }
  }

  @Override
  public boolean replay(int layer, Tensor indices) {
    if (!replay) {
      return false;
    }
    int k = (int) indices.width();
    backend.hostWrites(indices);
    MemorySegment to = indices.segment();
    for (int t = 0; t < positions.length; t++) {
      for (int j = 0; j < k; j++) {
        int choice = expected[layer][positions[t] * k + j];
        to.setAtIndex(ValueLayout.JAVA_INT, (long) t * k + j, choice);
      }
    }
    return true;
  }

  @Override
  public void routed(int layer, Tensor indices, Tensor weights) {
    int k = (int) indices.width();
    backend.hostReads(indices);
    MemorySegment from = indices.segment();
    for (int t = 0; t < positions.length; t++) {
      for (int j = 0; j < k; j++) {
        choices[layer][positions[t] * k + j] =
            from.getAtIndex(ValueLayout.JAVA_INT, (long) t * k + j);
      }
    }
  }
}
