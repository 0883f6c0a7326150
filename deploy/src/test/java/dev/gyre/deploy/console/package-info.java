@NullMarked
package dev.gyre.deploy.console;

import org.jspecify.annotations.NullMarked;
