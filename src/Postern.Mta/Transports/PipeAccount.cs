using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Postern.Mta.Transports;

/// <summary>Whom a script runs as (DESIGN §9.6).</summary>
/// <remarks>
/// posix_spawn cannot change the user, and code between fork and exec cannot be managed code; so a script of
/// another user starts through setpriv(1) of util-linux, which is essential on Debian. It drops all
/// capabilities too: with ambient ones (systemd's AmbientCapabilities) a script would otherwise keep our
/// right to change users.
/// </remarks>
sealed record PipeAccount
{
    const string Setpriv = "/usr/bin/setpriv";
    const int CapabilitySetGid = 6;
    const int CapabilitySetUid = 7;
    const int PasswordOctetsMax = 64 << 10;

    /// <summary>Ours.</summary>
    public static readonly PipeAccount Own = new();

    /// <summary>Null: ours.</summary>
    public uint? User { get; private init; }

    /// <summary>Put before the program and its arguments. Empty: nothing.</summary>
    public IReadOnlyList<string> Prefix { get; private init; } = [];

    /// <summary>Environment that belongs to the user.</summary>
    public IReadOnlyList<string> Environment { get; private init; } = [];

    /// <param name="problem">What stands in the way, and the mend.</param>
    public static bool TryFind(
        TransportOptions options,
        [NotNullWhen(true)] out PipeAccount? account,
        [NotNullWhen(false)] out PipeProblem? problem)
    {
        account = null;
        problem = null;
        if (options.User is not { } name)
        {
            // DESIGN §9.6: a script runs with all our rights only where that was asked for in words.
            if (options.SameUser)
                account = Own;
            else
                problem = new PipeProblem("no user is set for the script",
                    System.Environment.IsPrivilegedProcess
                        ? "set user = \"...\""
                        : "set user = \"...\", or same-user = true");
            return problem is null;
        }
        if (!TryLookUp(name, out var user, out var group, out var home))
            problem = new PipeProblem($"user {name} does not exist", "create the user, or name another one");
        else if (user == 0)
            problem = new PipeProblem("a script may not run as root", "set user to an ordinary user");
        else if (!HasCapabilities())
            problem = new PipeProblem($"changing to user {name} needs CAP_SETUID and CAP_SETGID",
                "give the service both capabilities, or run as that user with same-user = true");
        else if (!File.Exists(Setpriv))
            problem = new PipeProblem($"{Setpriv} is missing", "install util-linux");
        else
            account = Make(name, user, group, home);
        return problem is null;
    }

    static PipeAccount Make(string name, uint user, uint group, string home) => new()
    {
        User = user,
        Prefix =
        [
            Setpriv,
            string.Create(CultureInfo.InvariantCulture, $"--reuid={user}"),
            string.Create(CultureInfo.InvariantCulture, $"--regid={group}"),
            "--init-groups",
            "--inh-caps=-all",
            "--ambient-caps=-all",
            "--",
        ],
        Environment = [$"USER={name}", $"LOGNAME={name}", $"HOME={home}"],
    };

    static unsafe bool TryLookUp(string name, out uint user, out uint group, out string home)
    {
        (user, group, home) = (0, 0, "/");
        Posix.PasswordEntry entry;
        Posix.PasswordEntry* found = null;
        var buffer = (byte*)NativeMemory.Alloc(PasswordOctetsMax);
        try
        {
            if (Posix.FindPassword(name, &entry, buffer, PasswordOctetsMax, &found) != 0 || found is null)
                return false;
            (user, group) = (entry.User, entry.Group);
            home = Marshal.PtrToStringUTF8((nint)entry.Home) ?? "/";
            return true;
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    static bool HasCapabilities()
    {
        const string key = "CapEff:";
        var line = File.ReadLines("/proc/self/status").FirstOrDefault(
            static line => line.StartsWith(key, StringComparison.Ordinal));
        const ulong needed = (1UL << CapabilitySetUid) | (1UL << CapabilitySetGid);
        return line is not null
            && ulong.TryParse(line.AsSpan(key.Length).Trim(), NumberStyles.HexNumber, null,
                out var capabilities)
            && (capabilities & needed) == needed;
    }
}

/// <summary>Why a script cannot be started, and what mends it.</summary>
sealed record PipeProblem(string Text, string Mend);
