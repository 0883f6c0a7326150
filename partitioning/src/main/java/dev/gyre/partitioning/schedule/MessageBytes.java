package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import java.util.List;

/**
 * Payload bytes of a schedule's messages.
 *
 * @param queryHeads query heads that one rank of the ring computes
 * @param kvHeads the key/value heads they use
 * @param elementBytes bytes of the compute dtype
 */
public record MessageBytes(int queryHeads, int kvHeads, int headDim, int elementBytes) {
  private static final long F32_BYTES = 4;

  /** The messages of all Ulysses ranks of a ring rank together. */
  public static MessageBytes ofRow(int[] kvHeadOf, int headDim, int elementBytes, Mesh mesh) {
    int kvHeads = 0;
    for (HeadSplit.Part part : HeadSplit.of(kvHeadOf, mesh).parts()) {
      kvHeads += part.kvHeads();
    }
    return new MessageBytes(kvHeadOf.length, kvHeads, headDim, elementBytes);
  }

  public long of(Message message) {
    long rows = 0;
    for (TokenRange run : message.rows()) {
      rows += run.length();
    }
    return rows * perRow(message.item());
  }

  /** Bytes of one row of an item. */
  public long perRow(Item item) {
    long query = (long) queryHeads * headDim;
    long keyValue = 2L * kvHeads * headDim;
    return switch (item) {
      case KEY_VALUE -> keyValue * elementBytes;
      case KEY_VALUE_GRADIENT -> keyValue * F32_BYTES;
      case QUERY -> query * elementBytes;
      case PARTIAL_OUTPUT -> (query + queryHeads) * F32_BYTES;
      case QUERY_BUNDLE -> 2 * query * elementBytes + 2L * queryHeads * F32_BYTES;
      case QUERY_GRADIENT -> query * F32_BYTES;
    };
  }

  /** Bytes that a rank sends in a program. */
  public long sent(Program program) {
    long bytes = 0;
    for (Step step : program.steps()) {
      for (Message message : step.sends()) {
        bytes += of(message);
      }
    }
    return bytes;
  }

  /** Bytes that all ranks send. */
  public long sent(List<Program> programs) {
    long bytes = 0;
    for (Program program : programs) {
      bytes += sent(program);
    }
    return bytes;
  }
}
