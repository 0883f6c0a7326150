package dev.gyre.comms.control;

import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/**
 * The secret of one run. A worker must show it to join, so that no other user of the machine can.
 * It is handed over in a file that only its owner can read, never as an argument, which every user
 * can see.
 */
@NullMarked // the rest of the package is generated
public final class JoinToken {
  /** Environment variable of a worker: the file that holds the token. */
  public static final String FILE_VARIABLE = "GYRE_TOKEN_FILE";

  private static final Metadata.Key<String> KEY =
      Metadata.Key.of("gyre-join-token", Metadata.ASCII_STRING_MARSHALLER);

  private static final int BYTES = 32;

  private final String secret;

  private JoinToken(String secret) {
    this.secret = secret;
  }

  /** A new one: 256 random bits. */
  public static JoinToken random() {
    byte[] bytes = new byte[BYTES];
    new SecureRandom().nextBytes(bytes);
    return new JoinToken(HexFormat.of().formatHex(bytes));
  }

  /**
   * @throws IOException if the file cannot be read, or holds no token
   */
  public static JoinToken read(Path file) throws IOException {
    String secret = Files.readString(file).strip();
    if (!secret.matches("[0-9a-f]{" + 2 * BYTES + "}")) {
      throw new IOException(file + " contains no join token");
    }
    return new JoinToken(secret);
  }

  /** Writes a new file that only its owner can read. */
  public void write(Path file) throws IOException {
    try (var out =
        Files.newByteChannel(
            file,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      out.write(StandardCharsets.US_ASCII.encode(secret + "\n"));
    }
  }

  /** A client's calls show the token. */
  public ClientInterceptor shown() {
    Metadata headers = new Metadata();
    headers.put(KEY, secret);
    return MetadataUtils.newAttachHeadersInterceptor(headers);
  }

  /** A server refuses calls without the token, as {@code UNAUTHENTICATED}. */
  public ServerInterceptor required() {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (matches(headers.get(KEY))) {
          return next.startCall(call, headers);
        }
        call.close(
            Status.UNAUTHENTICATED.withDescription("the run's join token is missing or wrong"),
            new Metadata());
        return new ServerCall.Listener<>() {};
      }
    };
  }

  /** Takes the same time whatever part of a wrong token is right. */
  private boolean matches(@Nullable String shown) {
    return shown != null
        && MessageDigest.isEqual(
            secret.getBytes(StandardCharsets.UTF_8), shown.getBytes(StandardCharsets.UTF_8));
  }

  /** Never the secret: records that hold a token may be printed. */
  @Override
  public String toString() {
    return "JoinToken";
  }
}
