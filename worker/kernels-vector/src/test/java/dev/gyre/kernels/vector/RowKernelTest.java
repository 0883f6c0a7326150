package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A call that is large enough for several threads is cut into parts that cover all rows. */
final class RowKernelTest {
  private static final int GRAIN = 3;

  private record Part(long first, long end) {}

  private static List<Part> parts(int threads, long rows, long bytes) {
    List<Part> parts = Collections.synchronizedList(new ArrayList<>());
    try (KernelThreads pool = new KernelThreads(threads);
        RowThreads rowThreads = new RowThreads(pool)) {
      new RowKernel(rowThreads) {
        @Override
        void rows(long first, long end, Scratch scratch) {
          parts.add(new Part(first, end));
        }
      }.over(rows, GRAIN, new Tensor(0, DType.BF16, bytes / DType.BF16.bytes()));
    }
    parts.sort(Comparator.comparingLong(Part::first));
    return parts;
  }

  @Test
  void aLargeCallIsCutAtMultiplesOfItsGrain() {
    for (long rows : new long[] {1, 2, 3, 4, 7, 29, 1000, 1009}) {
      List<Part> parts = parts(3, rows, 1 << 20);
      assertEquals(Math.min((rows + GRAIN - 1) / GRAIN, 12), parts.size(), rows + " rows");
      long at = 0;
      for (Part part : parts) {
        assertEquals(at, part.first);
        assertTrue(part.end > part.first && part.first % GRAIN == 0, part::toString);
        at = part.end;
      }
      assertEquals(rows, at);
    }
    assertEquals(List.of(), parts(3, 0, 1 << 20));
  }

  @Test
  void aSmallCallAndOneThreadAreNotCut() {
    assertEquals(List.of(new Part(0, 1000)), parts(3, 1000, 1 << 10));
    assertEquals(List.of(new Part(0, 1000)), parts(1, 1000, 1 << 20));
  }
}
