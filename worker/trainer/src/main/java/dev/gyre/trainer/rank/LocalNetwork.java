package dev.gyre.trainer.rank;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.partitioning.check.Invalid;
import java.util.function.Consumer;

/** Connects ranks that are threads of one process. */
public interface LocalNetwork extends AutoCloseable {
  /** Opens the transport of a rank; called once for each, on the thread that will use it. */
  Transport open(int rank);

  /** Closes all transports. Every rank's thread must have ended. */
  @Override
  void close();

  /** Makes a network of a given number of ranks. */
  @FunctionalInterface
  interface Factory {
    LocalNetwork create(int ranks);
  }

  /**
   * The transport of that name.
   *
   * @param log receives single lines for the user, from any thread
   * @throws Invalid for a name other than {@code loopback}, {@code ipc} and {@code udp}
   */
  static Factory named(String transport, Consumer<String> log) {
    return switch (transport) {
      case "loopback" -> ranks -> loopback(ranks, LoopbackNetwork.Options.plain());
      case "ipc" -> ranks -> new AeronNetwork(ranks, false, log);
      case "udp" -> ranks -> new AeronNetwork(ranks, true, log);
      default -> throw new Invalid("transport", "'" + transport + "' must be loopback, ipc or udp");
    };
  }

  /** The loopback transport. */
  static LocalNetwork loopback(int ranks, LoopbackNetwork.Options options) {
    LoopbackNetwork network = new LoopbackNetwork(ranks, options);
    return new LocalNetwork() {
      @Override
      public Transport open(int rank) {
        return network.transport(rank);
      }

      @Override
      public void close() {
        network.close();
      }
    };
  }
}
