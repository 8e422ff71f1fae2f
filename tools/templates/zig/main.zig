//! {{name}}: arguments as JSON on standard input, the answer as JSON on standard output, an exit code.
//! It speaks to WASI itself, which does not change from one version of Zig's library to the next.

const std = @import("std");

const Slice = extern struct { at: [*]const u8, length: usize };
const Room = extern struct { at: [*]u8, length: usize };
extern "wasi_snapshot_preview1" fn fd_read(fd: i32, into: [*]const Room, count: usize, got: *usize) u16;
extern "wasi_snapshot_preview1" fn fd_write(fd: i32, from: [*]const Slice, count: usize, put: *usize) u16;

var input: [4096]u8 = undefined;

fn read() []const u8 {
    var length: usize = 0;
    while (length < input.len) {
        var got: usize = 0;
        const room = [1]Room{.{ .at = input[length..].ptr, .length = input.len - length }};
        if (fd_read(0, &room, 1, &got) != 0 or got == 0) break;
        length += got;
    }
    return input[0..length];
}

fn say(fd: i32, text: []const u8) void {
    var put: usize = 0;
    _ = fd_write(fd, &[1]Slice{.{ .at = text.ptr, .length = text.len }}, 1, &put);
}

/// What stands between the quotes of "name" in {"name": "..."}; it is JSON already.
fn nameIn(text: []const u8) ?[]const u8 {
    const key = std.mem.indexOf(u8, text, "\"name\"") orelse return null;
    const start = (std.mem.indexOfScalarPos(u8, text, key + 6, '"') orelse return null) + 1;
    const end = std.mem.lastIndexOfScalar(u8, text, '"') orelse return null;
    return if (end >= start) text[start..end] else null;
}

pub fn main() u8 {
    const name = nameIn(read()) orelse {
        say(2, "the arguments are not {\"name\": \"...\"}\n");
        return 2;
    };
    say(1, "{\"greeting\": \"hello, ");
    say(1, name);
    say(1, "\"}\n");
    return 0;
}
