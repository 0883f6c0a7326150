package dev.gyre.comms;

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/**
 * Signals of this process, through {@code sun.misc.Signal} of the module jdk.unsupported: the JDK
 * has no other way to receive one. By reflection, as javac's warning on that class cannot be
 * suppressed where it is used, and warnings are errors here.
 */
public final class ProcessSignals {
  private final Constructor<?> signal;
  private final Class<?> handlerType;
  private final Method handle;

  public ProcessSignals() {
    try {
      Class<?> type = Class.forName("sun.misc.Signal");
      handlerType = Class.forName("sun.misc.SignalHandler");
      signal = type.getConstructor(String.class);
      handle = type.getMethod("handle", type, handlerType);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK lacks sun.misc.Signal; use JDK 25", e);
    }
  }

  /**
   * Calls this whenever the signal arrives, unless the process was started with it ignored.
   *
   * @return puts back what was there before
   */
  public Runnable on(String name, Runnable action) {
    Object handler =
        Proxy.newProxyInstance(
            handlerType.getClassLoader(),
            new Class<?>[] {handlerType},
            (proxy, method, arguments) -> answer(proxy, method, arguments, action));
    Object before = install(name, handler);
    return () -> install(name, before);
  }

  private Object install(String name, Object handler) {
    try {
      return handle.invoke(null, signal.newInstance(name), handler);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("SIG" + name + " cannot be handled", e);
    }
  }

  @SuppressWarnings("ReferenceEquality") // a handler is equal to itself only
  private static @Nullable Object answer(
      Object proxy, Method method, Object @Nullable [] arguments, Runnable action) {
    return switch (method.getName()) {
      case "handle" -> {
        action.run();
        yield null;
      }
      case "equals" -> arguments != null && proxy == arguments[0];
      case "hashCode" -> System.identityHashCode(proxy);
      default -> "signal handler";
    };
  }
}
