package dev.gyre.trainer.dryrun;

import dev.gyre.comms.BorrowedReceive;
import dev.gyre.comms.Channel;
import dev.gyre.comms.Collective;
import dev.gyre.comms.Counters;
import dev.gyre.comms.Pending;
import dev.gyre.comms.Progress;
import dev.gyre.comms.Transport;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** One rank of many, whose transfers complete at once and move nothing. */
final class NoNetwork implements Transport {
  private static final Pending DONE =
      new Pending() {
        @Override
        public boolean poll() {
          return true;
        }

        @Override
        public void await() {}
      };

  private final int rank;
  private final int size;
  private final Progress where = new Progress();

  NoNetwork(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public String name() {
    return "none";
  }

  @Override
  public MemorySegment allocate(String name, long bytes) {
    throw new UnsupportedOperationException("no memory for " + name + " in a dry run");
  }

  @Override
  public void collective(Collective kind) {}

  @Override
  public Pending send(int peer, Channel channel, int tag, MemorySegment payload) {
    return DONE;
  }

  @Override
  public Pending receive(int peer, Channel channel, int tag, MemorySegment into) {
    return DONE;
  }

  @Override
  public BorrowedReceive borrow(int peer, Channel channel, int tag, MemorySegment into) {
    throw new UnsupportedOperationException("gradients are not reduced in a dry run");
  }

  @Override
  public int progress() {
    return 0;
  }

  @Override
  public void computing(boolean now) {}

  @Override
  public Progress where() {
    return where;
  }

  @Override
  public void abort(String reason) {}

  @Override
  public Counters counters() {
    return new Counters(Map.of(), 0, 0, 0);
  }

  @Override
  public void close() {}
}
