package dev.gyre.comms.aeron;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/** Finds unused UDP ports. */
public final class UdpPorts {
  private UdpPorts() {}

  /**
   * Distinct ports that were free just now. Another process could still take one before the caller
   * does.
   */
  public static List<Integer> free(int count, InetAddress host) {
    List<DatagramSocket> sockets = new ArrayList<>();
    try {
      List<Integer> ports = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        // // All stay open until the last is found, so that none is found twice.
        DatagramSocket socket = new DatagramSocket(new InetSocketAddress(host, 0));
        sockets.add(socket);
        ports.add(socket.getLocalPort());
      }
      return ports;
    } catch (IOException failed) {
      throw new UncheckedIOException(
          "cannot find %d free UDP ports on %s".formatted(count, host), failed);
    } finally {
      sockets.forEach(DatagramSocket::close);
    }
  }

  /** {@code host:port} of each rank on this host's loopback interface. */
  public static List<String> loopbackEndpoints(int ranks) {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    String host = loopback.getHostAddress();
    return free(ranks, loopback).stream().map(port -> host + ":" + port).toList();
  }
}
