package dev.gyre.kernels.torch;

import static dev.gyre.kernels.torch.Residency.Access.OVERWRITE;
import static dev.gyre.kernels.torch.Residency.Access.READ;
import static dev.gyre.kernels.torch.Residency.Access.UPDATE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.torch.Lanes.Lane;
import dev.gyre.kernels.torch.Residency.Operand;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every tensor is a range of one slab of integers; a kernel adds its inputs into its output. */
@SuppressWarnings("restricted")
class MirrorsTest {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  private static final int ELEMENTS = 48;

  private SimulatedLanes lanes = new SimulatedLanes(1, false);
  private Mirrors mirrors = new Mirrors(lanes);
  private long base = slab(mirrors);

  private static long slab(Mirrors mirrors) {
    try (Arena arena = Arena.ofConfined()) {
      return mirrors.memory(arena.allocate(ELEMENTS * 4L));
    }
  }

  private void start(long seed) {
    lanes.close();
    lanes = new SimulatedLanes(seed, false);
    mirrors = new Mirrors(lanes);
    base = slab(mirrors);
  }

  @AfterEach
  void close() {
    mirrors.synchronize();
    mirrors.close();
  }

  private Tensor range(int from, int count) {
    return new Tensor(base + from * 4L, DType.I32, count);
  }

  private void set(Tensor t, int value) {
    for (long i = 0; i < t.elements(); i++) {
      ALL.set(JAVA_INT, t.address() + 4 * i, value);
    }
  }

  private int first(Tensor t) {
    return ALL.get(JAVA_INT, t.address());
  }

  /** Elements of y once a kernel has added elements of x to it, or has replaced it by them. */
  private static int[] kernel(int[] memory, int x, Residency.Access access, int y, int count) {
    int[] sums = new int[count];
    for (int i = 0; i < count; i++) {
      sums[i] = 31 * memory[x + i] + 1 + (access == UPDATE ? memory[y + i] : 0);
    }
    return sums;
  }

  /** y = f(x), or y += f(x), which the device computes when the lane gets its turn. */
  private void call(String name, Tensor x, Residency.Access in, Tensor y, Residency.Access out) {
    List<Operand> operands = List.of(new Operand(x, in), new Operand(y, out));
    mirrors.before(operands);
    long from = mirrors.address(x);
    long to = mirrors.address(y);
    lanes.kernel(
        name,
        () -> {
          int count = (int) y.elements();
          int[] memory = new int[2 * count];
          for (int i = 0; i < count; i++) {
            memory[i] = ALL.get(JAVA_INT, from + 4L * i);
            memory[count + i] = ALL.get(JAVA_INT, to + 4L * i);
          }
          int[] sums = kernel(memory, 0, out, count, count);
          for (int i = 0; i < count; i++) {
            ALL.set(JAVA_INT, to + 4L * i, sums[i]);
          }
        });
    mirrors.after(operands);
  }

  @Test
  void noKernelStartsBeforeItsInputsAreThere() {
    set(range(0, 4), 7);
    call("kernel", range(0, 4), READ, range(8, 4), OVERWRITE);
    lanes.run(Lane.COMPUTE);
    assertEquals(List.of(), lanes.done());
    lanes.run(Lane.UPLOAD);
    lanes.run(Lane.COMPUTE);
    assertEquals(List.of("upload", "kernel"), lanes.done());
    mirrors.hostReads(range(8, 4));
    assertEquals(31 * 7 + 1, first(range(8, 4)));
  }

  @Test
  void inputsOfTheNextCallTravelWhileAKernelComputes() {
    call("one", range(0, 4), READ, range(8, 4), OVERWRITE);
    lanes.run(Lane.UPLOAD);
    // The first kernel is launched but not finished. The second one's input is uploaded meanwhile.
    call("two", range(4, 4), READ, range(12, 4), OVERWRITE);
    lanes.run(Lane.UPLOAD);
    assertEquals(List.of("upload", "upload"), lanes.done());
    lanes.run(Lane.COMPUTE);
    assertEquals(List.of("upload", "upload", "one", "two"), lanes.done());
  }

  @Test
  void theHostWaitsForNoMoreThanWhatItReads() {
    call("one", range(0, 4), READ, range(8, 4), OVERWRITE);
    lanes.run(Lane.UPLOAD);
    lanes.step(Lane.COMPUTE); // the wait
    lanes.step(Lane.COMPUTE); // the kernel
    lanes.step(Lane.COMPUTE); // its event
    call("two", range(0, 4), READ, range(12, 4), OVERWRITE);
    mirrors.hostReads(range(0, 4));
    assertEquals(List.of("upload", "one"), lanes.done(), "the host has its own data");
    mirrors.hostReads(range(8, 4));
    assertTrue(lanes.done().contains("download"), lanes.done()::toString);
    assertEquals(1, first(range(8, 4)));
    assertEquals(16, lanes.downloadedBytes());
  }

  @Test
  void aResultTravelsWhileTheNextKernelComputes() {
    List<String> seen = List.of("upload", "one", "download");
    // The lanes run in random order; with some seed the second kernel has not begun.
    for (int seed = 2; !lanes.done().equals(seen); seed++) {
      assertTrue(seed < 200, "never overlapped: " + lanes.done());
      mirrors.synchronize();
      start(seed);
      call("one", range(0, 4), READ, range(12, 4), OVERWRITE);
      call("two", range(0, 4), READ, range(8, 4), OVERWRITE);
      mirrors.hostReads(range(12, 4));
    }
  }

  @Test
  void memoryIsTheHostsAgainWhenNoUploadUsesIt() {
    call("one", range(0, 4), READ, range(8, 4), UPDATE);
    assertFalse(lanes.idle());
    mirrors.hostWrites(range(0, 4));
    assertTrue(lanes.done().contains("upload"), "the upload is not finished");
    set(range(0, 4), 5);
    mirrors.hostReads(range(8, 4));
    mirrors.hostWrites(range(8, 4));
    set(range(8, 4), 100);
    call("two", range(0, 4), READ, range(8, 4), UPDATE);
    mirrors.hostReads(range(8, 4));
    assertEquals(100 + 31 * 5 + 1, first(range(8, 4)));
  }

  @Test
  void newBytesGoUpWhenNoKernelReadsTheOldOnes() {
    set(range(0, 4), 7);
    call("one", range(0, 4), READ, range(8, 4), OVERWRITE);
    lanes.run(Lane.UPLOAD);
    mirrors.hostWrites(range(0, 4));
    set(range(0, 4), 9);
    call("two", range(0, 4), READ, range(12, 4), OVERWRITE);
    lanes.run(Lane.UPLOAD);
    assertEquals(List.of("upload"), lanes.done(), "the first kernel must read them first");
    mirrors.hostReads(range(8, 8));
    assertEquals(31 * 7 + 1, first(range(8, 4)));
    assertEquals(31 * 9 + 1, first(range(12, 4)));
  }

  @Test
  void bytesTravelOnceAndOnlyWhereTheyAreAskedFor() {
    for (int i = 0; i < 5; i++) {
      call("sum", range(0, 8), READ, range(8, 8), UPDATE);
      mirrors.synchronize();
    }
    assertEquals(64, lanes.uploadedBytes());
    assertEquals(0, lanes.downloadedBytes(), "no read was requested");
    mirrors.hostReads(range(10, 2));
    mirrors.hostReads(range(8, 4));
    assertEquals(16, lanes.downloadedBytes());
    mirrors.hostWrites(range(2, 3));
    call("sum", range(0, 8), READ, range(8, 8), UPDATE);
    assertEquals(64 + 12, lanes.uploadedBytes(), "what the host wrote");
  }

  @Test
  void memoryOfOthersIsRefused() {
    Tensor over = range(ELEMENTS - 4, 8);
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> mirrors.before(List.of(new Operand(over, READ))));
    assertTrue(String.valueOf(refused.getMessage()).contains("backend's memory"));
  }

  /** Random overlapping ranges, with a host that follows the contract and does no more. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void anyOrderThatEventsAllowGivesTheSameBytes(long seed) {
    Random random = new Random(seed);
    for (int run = 0; run < 50; run++) {
      start(random.nextLong());
      int[] expected = new int[ELEMENTS];
      for (int act = 0; act < 60; act++) {
        int from = random.nextInt(ELEMENTS);
        int count = random.nextInt(Math.min(8, ELEMENTS - from) + 1);
        switch (random.nextInt(8)) {
          case 0 -> hostWrites(range(from, count), from, random, expected);
          case 1 -> {
            mirrors.hostReads(range(from, count));
            int[] found = Arrays.copyOfRange(memory(), from, from + count);
            int[] wanted = Arrays.copyOfRange(expected, from, from + count);
            assertArrayEquals(wanted, found, "seed " + seed + " run " + run);
          }
          case 2 -> {
            if (random.nextInt(4) == 0) {
              mirrors.synchronize();
            }
          }
          default -> randomCall(random, expected);
        }
      }
      mirrors.hostReads(range(0, ELEMENTS));
      assertArrayEquals(expected, memory(), "seed " + seed + " run " + run);
      mirrors.synchronize();
    }
  }

  private void hostWrites(Tensor t, int from, Random random, int[] expected) {
    mirrors.hostWrites(t);
    for (int i = 0; i < t.elements(); i++) {
      expected[from + i] = random.nextInt();
      ALL.set(JAVA_INT, t.address() + 4L * i, expected[from + i]);
    }
  }

  /** A random call; its tensors do not overlap. */
  private void randomCall(Random random, int[] expected) {
    int count = 1 + random.nextInt(8);
    int x = random.nextInt(ELEMENTS - count + 1);
    int y = random.nextInt(ELEMENTS - count + 1);
    if (Math.abs(x - y) < count) {
      return;
    }
    Residency.Access out = random.nextBoolean() ? OVERWRITE : UPDATE;
    int[] sums = kernel(expected, x, out, y, count);
    call("kernel", range(x, count), READ, range(y, count), out);
    System.arraycopy(sums, 0, expected, y, count);
  }

  private int[] memory() {
    return MemorySegment.ofAddress(base).reinterpret(ELEMENTS * 4L).toArray(JAVA_INT);
  }
}
