package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** A wait during which the process is suspended, over a transport that makes no progress. */
class SuspendedWaitTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long PAUSE = SECOND / 100;

  private long time;
  private int pauses;

  private final class Still extends PolledTransport {
    private final int suspendedInPause;

    Still(long deadlineNanos, int suspendedInPause) {
      super(0, 2, deadlineNanos, new Progress(), () -> time);
      this.suspendedInPause = suspendedInPause;
    }

    @Override
    public String name() {
      return "still";
    }

    @Override
    public MemorySegment allocate(String name, long bytes) {
      return Arena.ofAuto().allocate(bytes);
    }

    @Override
    protected void start(Transfer transfer) {}

    @Override
    protected void withdraw(Transfer transfer, String reason) {
      transfer.fail(reason);
    }

    @Override
    protected void release(Transfer loan) {}

    @Override
    protected boolean sharesCore() {
      return true;
    }

    @Override
    public int progress() {
      time += SECOND / 1_000_000;
      return 0;
    }

    @Override
    protected void prepareToPause() {}

    @Override
    protected void pause(long quietNanos, long leastNanos, long limitNanos) {
      pauses++;
      time += pauses == suspendedInPause ? 10 * 3600 * SECOND : Math.min(PAUSE, limitNanos);
    }

    @Override
    public void abort(String reason) {}

    @Override
    public void close() {}
  }

  private int pausesUntilDeadline(int suspendedInPause) {
    pauses = 0;
    try (Still transport = new Still(2 * SECOND, suspendedInPause)) {
      Pending receive =
          transport.receive(1, Channel.SEQUENCE, 0, Arena.ofAuto().allocate(Long.BYTES));
      CommsException failed = assertThrows(CommsException.class, receive::await);
      assertTrue(failed.getMessage().contains("did not answer within 2.0 s"), failed.getMessage());
    }
    return pauses;
  }

  @Test
  void hoursOfASuspendedProcessAreNoPartOfTheDeadline() {
    int awake = pausesUntilDeadline(-1);
    assertTrue(awake > 100, awake + " pauses of 10 ms are less than 2 s");
    assertEquals(awake + 1, pausesUntilDeadline(50));
  }
}
