package dev.gyre.kernels;

/**
 * The memory of a step: one slab used from both ends as two stacks.
 *
 * <p>The forward pass pushes what the backward pass needs at the bottom ({@link #save}); gradients
 * and scratch grow down from the top ({@link #scratch}). Each side is released to an earlier mark,
 * never in the middle. Single-threaded. Allocation costs a few adds and one small object.
 */
public final class Workspace {
  /** Cache-line and AVX-512 alignment of every tensor. */
  public static final long ALIGNMENT_BYTES = 64;

  private final long base;
  private final long size;
  private long low;
  private long high;
  private long peakBytes;
  private long savedAtPeak;

  /**
   * @param base host or device address, aligned to {@value #ALIGNMENT_BYTES} bytes
   * @param sizeBytes size of the slab; it is rounded down to a multiple of {@value
   *     #ALIGNMENT_BYTES}, so that tensors at the top are aligned, too
   */
  public Workspace(long base, long sizeBytes) {
    if (base % ALIGNMENT_BYTES != 0) {
      throw new IllegalArgumentException("workspace base is not aligned to " + ALIGNMENT_BYTES);
    }
    this.base = base;
    this.size = sizeBytes & -ALIGNMENT_BYTES;
    this.high = size;
  }

  /**
   * One of several equal parts, each a workspace of its own, for passes that are open at once.
   *
   * @throws IllegalStateException if something is allocated here
   */
  public Workspace part(int index, int of) {
    if (index < 0 || index >= of) {
      throw new IndexOutOfBoundsException("part " + index + " of " + of);
    }
    if (low != 0 || high != size) {
      throw new IllegalStateException("a workspace in use cannot be divided");
    }
    long each = (size / of) & -ALIGNMENT_BYTES;
    return new Workspace(base + index * each, each);
  }

  /** A tensor at the bottom, kept until the backward pass releases it. Contents are undefined. */
  public Tensor save(DType dtype, long... dims) {
    Tensor t = new Tensor(base + low, dtype, dims);
    long next = low + aligned(t.byteSize());
    check(t, next, high);
    low = next;
    updatePeak();
    return t;
  }

  /** A tensor at the top. Contents are undefined. */
  public Tensor scratch(DType dtype, long... dims) {
    long bytes = aligned(new Tensor(0, dtype, dims).byteSize());
    Tensor t = new Tensor(base + high - bytes, dtype, dims);
    check(t, low, high - bytes);
    high -= bytes;
    updatePeak();
    return t;
  }

  private void updatePeak() {
    long now = low + size - high;
    if (now > peakBytes) {
      peakBytes = now;
      savedAtPeak = low;
    }
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES;
  }

  private void check(Tensor t, long lowAfter, long highAfter) {
    if (lowAfter > highAfter) {
      throw new WorkspaceFullException(t, size, low, size - high);
    }
  }

  public long savedMark() {
    return low;
  }

  public long scratchMark() {
    return high;
  }

  public void releaseSaved(long mark) {
    if (mark > low) {
      throw new IllegalStateException("saved mark " + mark + " is above the stack's " + low);
    }
    low = mark;
  }

  /**
   * Allocates the bottom again up to an earlier mark, for contents that are read back from storage.
   *
   * @throws IllegalStateException if it reaches further, or scratch is there now
   */
  public void resumeSaved(long mark) {
    if (mark < low || mark > high) {
      throw new IllegalStateException(
          "saved mark " + mark + " is not between the stacks at " + low + " and " + high);
    }
    low = mark;
    updatePeak();
  }

  /** The bytes saved between two marks, as a tensor of 4-byte elements. */
  public Tensor saved(long fromMark, long toMark) {
    return new Tensor(base + fromMark, DType.I32, (toMark - fromMark) / DType.I32.bytes());
  }

  public void releaseScratch(long mark) {
    if (mark < high) {
      throw new IllegalStateException("scratch mark " + mark + " is below the stack's " + high);
    }
    high = mark;
  }

  public long sizeBytes() {
    return size;
  }

  /** Most bytes in use at once since {@link #resetPeak}. */
  public long peakBytes() {
    return peakBytes;
  }

  /** The part of {@link #peakBytes} that was then at the bottom, kept for backward. */
  public long savedAtPeak() {
    return savedAtPeak;
  }

  public void resetPeak() {
    peakBytes = low + size - high;
    savedAtPeak = low;
  }
}
