package dev.gyre.comms.aeron;

import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import io.aeron.driver.Configuration;
import io.aeron.logbuffer.FrameDescriptor;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;

/** Aeron channels of a run's logs, one log for every ordered pair of ranks. */
final class Channels {
  /** With few ranks, logs are large; with many, they must share a small /dev/shm. */
  private static final int SMALL_RUN = 4;

  private static final int TERM_BYTES = 1 << 20;
  private static final int SMALL_TERM_BYTES = 256 << 10;
  private static final int TERMS_PER_LOG = 3;
  private static final int LOG_META_BYTES = 4096;

  private static final int IPC_MTU_BYTES = 16 << 10;

  /** Ethernet's 1500 bytes minus the headers, in whole frames. */
  private static final int UDP_MTU_BYTES = 1408;

  /** The loopback device takes 64 KB. Throughput per system call grows with the datagram. */
  private static final int UDP_LOOPBACK_MTU_BYTES = Configuration.MAX_UDP_PAYLOAD_LENGTH;

  /** Requested socket buffer, which all senders to the socket share. */
  private static final int SOCKET_BUFFER_BYTES = 2 << 20;

  /** Aeron's default, which every system grants. */
  private static final int LEAST_SOCKET_BUFFER_BYTES = 128 << 10;

  /** A window holds at least a few packets. */
  private static final int MIN_WINDOW_PACKETS = 4;

  private final AeronOptions options;
  private final int mtuBytes;
  private final int socketBufferBytes;

  Channels(AeronOptions options) {
    this.options = options;
    socketBufferBytes = options.isUdp() ? grantedSocketBufferBytes() : 0;
    mtuBytes = options.isUdp() ? udpMtuBytes() : IPC_MTU_BYTES;
  }

  /** Linux grants at most net.core.rmem_max and wmem_max, which are 208 KB by default. */
  private static int grantedSocketBufferBytes() {
    try (DatagramSocket socket = new DatagramSocket(null)) {
      socket.setReceiveBufferSize(SOCKET_BUFFER_BYTES);
      socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
      int granted = Math.min(socket.getReceiveBufferSize(), socket.getSendBufferSize());
      return Math.clamp(granted, LEAST_SOCKET_BUFFER_BYTES, SOCKET_BUFFER_BYTES);
    } catch (SocketException unknown) {
      return LEAST_SOCKET_BUFFER_BYTES;
    }
  }

  private int udpMtuBytes() {
    for (String endpoint : options.endpoints()) {
      if (!isLoopback(endpoint)) {
        return UDP_MTU_BYTES;
      }
    }
    int share = Math.min(socketBufferBytes, termBytes() / 2) / MIN_WINDOW_PACKETS;
    return Math.min(UDP_LOOPBACK_MTU_BYTES, share & -FrameDescriptor.FRAME_ALIGNMENT);
  }

  private static boolean isLoopback(String endpoint) {
    int colon = endpoint.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("endpoint '" + endpoint + "' is not host:port");
    }
    try {
      return InetAddress.getByName(endpoint.substring(0, colon)).isLoopbackAddress();
    } catch (UnknownHostException unknown) {
      throw new IllegalArgumentException("host of endpoint '" + endpoint + "' is unknown", unknown);
    }
  }

  private int termBytes() {
    return termBytes(options.size());
  }

  private static int termBytes(int ranks) {
    return ranks <= SMALL_RUN ? TERM_BYTES : SMALL_TERM_BYTES;
  }

  /**
   * Shared memory that the logs between the ranks of one host need.
   *
   * @param udp a log then has a file at each end
   */
  static long logBytes(int ranks, boolean udp) {
    long logs = (udp ? 2L : 1L) * ranks * (ranks - 1);
    return logs * (TERMS_PER_LOG * (long) termBytes(ranks) + LOG_META_BYTES);
  }

  /**
   * Different in every epoch, so that frames of an earlier epoch are not received at all. With UDP
   * the receiver has an address of its own.
   */
  int stream(int from, int to) {
    int log = options.isUdp() ? from : from * options.size() + to;
    return options.epoch() << 16 | log;
  }

  String publication(int to) {
    ChannelUriStringBuilder uri = base().termLength(termBytes()).sparse(false);
    if (options.isUdp()) {
      uri.endpoint(options.endpoints().get(to)).socketSndbufLength(socketBufferBytes);
    }
    return uri.mtu(mtuBytes).build();
  }

  String subscription() {
    ChannelUriStringBuilder uri = base();
    if (options.isUdp()) {
      uri.endpoint(options.endpoints().get(options.rank()));
      uri.socketRcvbufLength(socketBufferBytes);
      int share = socketBufferBytes / Math.max(1, options.size() - 1);
      // // At most half a term is in flight.
      uri.receiverWindowLength(Math.clamp(share, MIN_WINDOW_PACKETS * mtuBytes, termBytes() / 2));
    }
    return uri.build();
  }

  private ChannelUriStringBuilder base() {
    return new ChannelUriStringBuilder()
        .media(options.isUdp() ? CommonContext.UDP_MEDIA : CommonContext.IPC_MEDIA);
  }
}
