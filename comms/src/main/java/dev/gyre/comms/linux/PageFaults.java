package dev.gyre.comms.linux;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Takes all page faults of a mapping at once. Source: madvise(2). */
public final class PageFaults {
  /** Since Linux 5.14. */
  private static final long POPULATE_WRITE = 23;

  private final SystemCalls calls;

  private PageFaults(SystemCalls calls) {
    this.calls = calls;
  }

  /** Empty if the system has no such call. */
  public static Optional<PageFaults> find() {
    return SystemCalls.find().map(PageFaults::new);
  }

  /**
   * Allocates every page of a mapping, as if each were written to.
   *
   * @param mapped begins at a page boundary
   * @return false if the kernel does not support it or has too little memory; the mapping is
   *     unchanged then
   */
  public boolean populate(MemorySegment mapped) {
    return calls.advise(mapped.address(), mapped.byteSize(), POPULATE_WRITE) == 0;
  }
}
