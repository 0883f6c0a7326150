package dev.gyre.comms.linux;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Takes the page faults of a mapping all at once. Source: madvise(2). */
public final class PageFaults {
  /** Since Linux 5.14. */
  private static final long POPULATE_WRITE = 23;

  private final SystemCalls calls;

  private PageFaults(SystemCalls calls) {
    this.calls = calls;
  }

  /** Empty where the system has no such call. */
  public static Optional<PageFaults> find() {
    return SystemCalls.find().map(PageFaults::new);
  }

  /**
   * Makes every page of a mapping, as if each were written to.
   *
   * @param mapped begins at a page
   * @return false if the kernel does not know how, or has too little room: nothing is lost then
   */
  public boolean populate(MemorySegment mapped) {
    return calls.advise(mapped.address(), mapped.byteSize(), POPULATE_WRITE) == 0;
  }
}
