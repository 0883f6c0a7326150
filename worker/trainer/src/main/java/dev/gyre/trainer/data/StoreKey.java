package dev.gyre.trainer.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A token store's name: a digest of everything its content depends on. Strings go to the digest in
 * large pieces, as there may be millions.
 */
final class StoreKey {
  private static final int NAME_BYTES = 12;
  private static final int PIECE = 1 << 15;

  private final MessageDigest digest = Hashing.sha256();
  private final StringBuilder piece = new StringBuilder();
  private SourceFile.@Nullable Place place;
  private String root = "";

  /** Adds a string and a terminator, so that adjacent strings stay distinct. */
  void add(String text) {
    piece.append(text).append('\0');
    if (piece.length() >= PIECE) {
      flush();
    }
  }

  /** Adds a file's name, place, and what its tokens depend on. */
  void add(SourceFile file) {
    if (!file.place().equals(place)) {
      place = file.place();
      root = file.place().root().toAbsolutePath().normalize().toString();
    }
    add(file.source() + " " + file.name());
    add(root);
    add(file.isJsonl() ? file.place().field() : "");
    add(file.place().joined() ? "joined" : "");
    add(file.bytes() + " " + file.version());
  }

  /** The key of what was added. */
  String text() {
    flush();
    return HexFormat.of().formatHex(digest.digest(), 0, NAME_BYTES);
  }

  private void flush() {
    digest.update(piece.toString().getBytes(StandardCharsets.UTF_8));
    piece.setLength(0);
  }
}
