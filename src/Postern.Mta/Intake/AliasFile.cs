using System.Diagnostics.CodeAnalysis;
using Postern.Mta.Configuration;
using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>
/// Reads files of virtual(5): a key, white space, targets with commas; <c>#</c> comments; lines that begin
/// with white space go on.
/// </summary>
static class AliasFile
{
    /// <summary>Octets.</summary>
    const int OctetsMax = 64 << 20;

    public static IReadOnlyList<AliasLine> Read(string path, ICollection<ConfigurationError> errors)
    {
        try
        {
            if (new FileInfo(path).Length <= OctetsMax)
                return Parse(File.ReadLines(path), path, errors);
            errors.Add(new ConfigurationError(path, 0, "", "is over 64 MiB"));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            errors.Add(new ConfigurationError(path, 0, "", "does not exist; take it out of aliases.files"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(new ConfigurationError(path, 0, "", "cannot be read by this user"));
        }
        return [];
    }

    public static IReadOnlyList<AliasLine> Parse(
        IEnumerable<string> lines, string path, ICollection<ConfigurationError> errors)
    {
        var read = new List<AliasLine>();
        var (logical, start, number) = ("", 0, 0);
        foreach (var line in lines)
        {
            number++;
            // postmap(1): empty lines and comments are skipped, also between a line and what continues it.
            if (string.IsNullOrWhiteSpace(line) || line.TrimStart().StartsWith('#'))
                continue;
            if (char.IsWhiteSpace(line[0]))
            {
                if (start == 0)
                    errors.Add(new ConfigurationError(
                        path, number, "", "continues no line; begin it at the first column"));
                else
                    logical += " " + line.Trim();
                continue;
            }
            AddLine(read, path, start, logical);
            (logical, start) = (line.Trim(), number);
        }
        AddLine(read, path, start, logical);
        return read;
    }

    static void AddLine(List<AliasLine> read, string path, int number, string text)
    {
        if (number == 0)
            return;
        var end = EndOfKey(text);
        read.Add(new AliasLine(path, number, text[..end],
            text[end..].Split([' ', '\t', ','], StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>A quoted local part may hold white space.</summary>
    static int EndOfKey(string text)
    {
        var isQuoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && isQuoted)
                i++;
            else if (text[i] == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && text[i] is ' ' or '\t')
                return i;
        }
        return text.Length;
    }
}

/// <summary>One entry of an alias file.</summary>
/// <param name="Number">The line its key stands on, from 1.</param>
sealed record AliasLine(string File, int Number, string Key, IReadOnlyList<string> Targets);

/// <summary>What an alias leads to.</summary>
abstract record AliasTarget
{
    /// <summary>An address; a lone local part is completed with our origin.</summary>
    public sealed record Address(Mailbox Mailbox) : AliasTarget;

    /// <summary><c>@other</c>: the same local part there.</summary>
    public sealed record SameUserAt(string Domain) : AliasTarget;

    /// <param name="mend">What is wrong; null when it was read.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out AliasTarget? target, out string? mend)
    {
        target = null;
        mend = null;
        if (text.StartsWith('@') && (HostName.IsValid(text[1..]) || HostName.IsAddressLiteral(text[1..])))
            target = new SameUserAt(text[1..]);
        else if (text.StartsWith('|') || text.StartsWith('/')
            || text.StartsWith(":include:", StringComparison.Ordinal))
            mend = $"\"{text}\": commands, files and includes are of aliases(5); use a route to a pipe "
                + "transport";
        else if (Mailbox.TryParse(text, out var mailbox))
            target = new Address(mailbox);
        else
            mend = $"\"{text}\" is no address; write user@domain, user or @domain";
        return target is not null;
    }
}
