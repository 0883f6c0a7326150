package dev.gyre.kernels.onednn.binding;

import dev.gyre.kernels.CacheFolder;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * oneDNN's shared libraries: taken from the jar on the class path, unpacked once per version and
 * platform into {@code native} in the user's {@link CacheFolder}, loaded from there. A file is
 * written under another name and renamed, so that a process that starts at the same time sees a
 * complete file or none.
 *
 * @param openMp the OpenMP runtime oneDNN was built with
 * @param dnnl oneDNN itself
 */
@SuppressWarnings("restricted")
record NativeLibraries(SymbolLookup openMp, SymbolLookup dnnl) {
  /** The release the jar holds; part of the cache folder's name. */
  static final String VERSION = "3.13";

  /** One supported platform: the jar's folder and the names of its two libraries. */
  private record Platform(String folder, String openMp, String dnnl) {}

  /**
   * Loads the libraries for this machine.
   *
   * @param cache folder to unpack into, in a folder of its own
   * @throws OneDnnException in one line: no build for this platform, no jar, no space, not loadable
   */
  static NativeLibraries load(Path cache) {
    Platform platform = platform(System.getProperty("os.name"), System.getProperty("os.arch"));
    Path folder = cache.resolve("dnnl-" + VERSION + "-" + platform.folder()).toAbsolutePath();
    String resources = "org/bytedeco/dnnl/" + platform.folder() + "/";
    try {
      Files.createDirectories(folder);
      // OpenMP first: oneDNN then finds it already loaded, wherever it looks.
      Path openMp = unpacked(resources + platform.openMp(), folder.resolve(platform.openMp()));
      Path dnnl = unpacked(resources + platform.dnnl(), folder.resolve(platform.dnnl()));
      return new NativeLibraries(
          SymbolLookup.libraryLookup(openMp, Arena.global()),
          SymbolLookup.libraryLookup(dnnl, Arena.global()));
    } catch (IOException e) {
      throw new OneDnnException(
          "oneDNN not unpacked: %s: %s; name a folder with %s"
              .formatted(folder, why(e), CacheFolder.VARIABLE),
          e);
    } catch (IllegalArgumentException e) {
      // A file system that is mounted noexec is one cause.
      throw new OneDnnException(
          "oneDNN not loaded from %s: %s; name another folder with %s"
              .formatted(folder, e.getMessage(), CacheFolder.VARIABLE),
          e);
    }
  }

  private static String why(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "access is denied";
      case FileAlreadyExistsException _ -> "a file is in the way";
      case FileSystemException f when f.getReason() != null -> f.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }

  /** Where the libraries are unpacked. */
  static Path cache() {
    return CacheFolder.ofUser().resolve("native");
  }

  private static Platform platform(String os, String arch) {
    String name = os.toLowerCase(Locale.ROOT) + "/" + arch.toLowerCase(Locale.ROOT);
    return switch (name) {
      case "linux/amd64", "linux/x86_64" ->
          new Platform("linux-x86_64", "libgomp.so.1", "libdnnl.so.3");
      case "linux/aarch64" -> new Platform("linux-arm64", "libgomp.so.1", "libdnnl.so.3");
      case "mac os x/aarch64" -> new Platform("macosx-arm64", "libomp.dylib", "libdnnl.3.dylib");
      default -> throw new OneDnnException("no build of oneDNN for " + name);
    };
  }

  /** The target, unpacked first unless a file of the right size exists. */
  static Path unpacked(String resource, Path target) throws IOException {
    URL url = NativeLibraries.class.getClassLoader().getResource(resource);
    if (url == null) {
      throw new OneDnnException("oneDNN's " + resource + " is not on the class path");
    }
    URLConnection connection = url.openConnection();
    connection.setUseCaches(false);
    try (InputStream in = connection.getInputStream()) {
      long size = connection.getContentLengthLong();
      if (Files.exists(target) && Files.size(target) == size) {
        return target;
      }
      Path folder = target.toAbsolutePath().getParent();
      Path temporary = Files.createTempFile(folder, "unpacking-", ".part");
      try {
        Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
      return target;
    }
  }
}
