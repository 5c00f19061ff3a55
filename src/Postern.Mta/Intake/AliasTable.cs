using Postern.Mta.Configuration;
using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>Addresses that stand for others, as Postfix's virtual_alias_maps (virtual(5)).</summary>
/// <remarks>
/// Keys are looked up as <c>user+ext@domain</c>, <c>user@domain</c>, <c>user+ext</c>, <c>user</c>,
/// <c>@domain</c>; the lone ones only for our own domains. Targets are looked up again. An address met again
/// in its own expansion ends there, so loops are harmless and nothing is lost. An extension that was not part
/// of the key moves on to the target.
/// </remarks>
public sealed class AliasTable
{
    /// <summary>Postfix's virtual_alias_recursion_limit.</summary>
    public const int DepthMax = 1000;

    /// <summary>Postfix's virtual_alias_expansion_limit.</summary>
    public const int TargetsMax = 1000;

    public static readonly AliasTable Empty = new([], "localhost", [], "");

    readonly Dictionary<string, IReadOnlyList<AliasTarget>> entries;
    readonly string origin;
    readonly HashSet<string> ownDomains;
    readonly string delimiter;

    AliasTable(
        Dictionary<string, IReadOnlyList<AliasTarget>> entries,
        string origin,
        IEnumerable<string> ownDomains,
        string delimiter)
    {
        this.entries = entries;
        this.origin = origin;
        this.ownDomains = new HashSet<string>(ownDomains.Select(DomainKey), StringComparer.Ordinal);
        this.delimiter = delimiter;
    }

    /// <summary>
    /// Reads the table of the configuration and then its files; of a key that stands in several the first
    /// counts.
    /// </summary>
    /// <param name="errors">Gets what is wrong, with file and line. Lines that are wrong are left out of the
    /// table.</param>
    public static AliasTable Load(PosternOptions options, ICollection<ConfigurationError> errors)
    {
        var entries = new Dictionary<string, IReadOnlyList<AliasTarget>>(StringComparer.Ordinal);
        foreach (var (key, targets) in options.Aliases.Table)
            Add(entries, new AliasLine("", 0, key, targets), errors);
        foreach (var file in options.Aliases.Files)
        {
            var seen = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var line in AliasFile.Read(file, errors))
                if (AliasKey(line.Key) is { } key && !seen.TryAdd(key, line.Number))
                    errors.Add(new ConfigurationError(
                        file, line.Number, line.Key,
                        $"already stands on line {seen[key]}; keep one of the two"));
                else
                    Add(entries, line, errors);
        }
        var origin = options.Submission.Origin ?? options.Hostname;
        return new AliasTable(
            entries, origin, [origin, options.Hostname, "localhost"], options.Inbound.Delimiter);
    }

    /// <summary>What a recipient stands for, to the end.</summary>
    public AliasExpansion Expand(Mailbox recipient)
    {
        if (entries.Count == 0)
            return new AliasExpansion.Unchanged();
        var run = new Run();
        if (Walk(recipient, run, 0) is { } trouble)
            return new AliasExpansion.TooMuch($"alias expansion of {recipient}: {trouble}");
        return run.Targets is [var only] && KeyOf(only) == KeyOf(recipient)
            ? new AliasExpansion.Unchanged()
            : new AliasExpansion.To(run.Targets);
    }

    /// <summary>What one expansion has met.</summary>
    sealed class Run
    {
        /// <summary>Addresses being expanded, from the recipient down.</summary>
        public HashSet<string> Path { get; } = new(StringComparer.Ordinal);

        /// <summary>Addresses whose expansion is finished: they are not walked again.</summary>
        public HashSet<string> Done { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Known { get; } = new(StringComparer.Ordinal);
        public List<Mailbox> Targets { get; } = [];
    }

    /// <returns>What limit was met; null: none.</returns>
    string? Walk(Mailbox address, Run run, int depth)
    {
        if (depth > DepthMax)
            return $"more than {DepthMax} levels";
        var key = KeyOf(address);
        if (run.Done.Contains(key))
            return null;
        if (run.Path.Contains(key) || Find(address) is not { } targets)
        {
            if (run.Known.Add(key))
                run.Targets.Add(address);
            return run.Targets.Count > TargetsMax ? $"more than {TargetsMax} addresses" : null;
        }
        run.Path.Add(key);
        foreach (var target in targets)
            if (Walk(target, run, depth + 1) is { } trouble)
                return trouble;
        run.Path.Remove(key);
        run.Done.Add(key);
        return null;
    }

    /// <summary>One step: the targets of the first key that is there; null: none is.</summary>
    List<Mailbox>? Find(Mailbox address)
    {
        var (user, extension) = Split(address.LocalPart);
        var domain = DomainKey(address.Domain);
        var isOwn = domain.Length == 0 || ownDomains.Contains(domain);
        var local = Fold(address.LocalPart);
        if (entries.TryGetValue($"{local}@{domain}", out var found))
            return Resolve(found, address, "");
        if (extension.Length > 0 && entries.TryGetValue($"{Fold(user)}@{domain}", out found))
            return Resolve(found, address, extension);
        if (isOwn && entries.TryGetValue(local, out found))
            return Resolve(found, address, "");
        if (isOwn && extension.Length > 0 && entries.TryGetValue(Fold(user), out found))
            return Resolve(found, address, extension);
        return domain.Length > 0 && entries.TryGetValue($"@{domain}", out found)
            ? Resolve(found, address, "")
            : null;
    }

    List<Mailbox> Resolve(IReadOnlyList<AliasTarget> targets, Mailbox address, string extension)
    {
        var mailboxes = new List<Mailbox>(targets.Count);
        foreach (var target in targets)
            mailboxes.Add(target switch
            {
                AliasTarget.SameUserAt at => address.WithDomain(at.Domain),
                AliasTarget.Address { Mailbox: var mailbox } => Complete(WithExtension(mailbox, extension)),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
        return mailboxes;
    }

    /// <summary>Postfix's propagate_unmatched_extensions = canonical, virtual.</summary>
    Mailbox WithExtension(Mailbox mailbox, string extension)
    {
        if (extension.Length == 0 || mailbox.LocalPart.Contains(delimiter, StringComparison.Ordinal))
            return mailbox;
        var text = mailbox.ToString();
        if (text.StartsWith('"'))
            return mailbox;
        var longer = mailbox.LocalPart + extension + text[mailbox.LocalPart.Length..];
        return Mailbox.TryParse(longer, out var extended) ? extended : mailbox;
    }

    Mailbox Complete(Mailbox mailbox) => mailbox.Domain.Length == 0 ? mailbox.WithDomain(origin) : mailbox;

    /// <summary>The user, and the extension with its delimiter; empty when there is none.</summary>
    (string User, string Extension) Split(string local)
    {
        var end = delimiter.Length == 0 ? -1 : local.IndexOf(delimiter, StringComparison.Ordinal);
        return end > 0 ? (local[..end], local[end..]) : (local, "");
    }

    static void Add(
        Dictionary<string, IReadOnlyList<AliasTarget>> entries,
        AliasLine line,
        ICollection<ConfigurationError> errors)
    {
        if (AliasKey(line.Key) is not { } key)
        {
            errors.Add(Wrong(line, "is no alias; write user@domain, user or @domain"));
            return;
        }
        var targets = new List<AliasTarget>();
        foreach (var text in line.Targets)
            if (AliasTarget.TryParse(text, out var target, out var mend))
                targets.Add(target);
            else
                errors.Add(Wrong(line, mend!));
        if (line.Targets.Count == 0)
            errors.Add(Wrong(line, "has no target; write the address it stands for after it"));
        else if (targets.Count == line.Targets.Count)
            entries.TryAdd(key, targets);
    }

    static ConfigurationError Wrong(AliasLine line, string text) => line.File.Length > 0
        ? new ConfigurationError(line.File, line.Number, line.Key, text)
        : new ConfigurationError("", 0, Reading.Join("aliases.table", line.Key), text);

    /// <summary>The key as it is looked up, or null when it is none.</summary>
    static string? AliasKey(string text)
    {
        if (text.StartsWith('@'))
            return HostName.IsValid(text[1..]) || HostName.IsAddressLiteral(text[1..])
                ? "@" + DomainKey(text[1..])
                : null;
        return Mailbox.TryParse(text, out var mailbox) ? KeyOf(mailbox) : null;
    }

    static string KeyOf(Mailbox mailbox) =>
        mailbox.Domain.Length == 0 ? Fold(mailbox.LocalPart)
            : $"{Fold(mailbox.LocalPart)}@{DomainKey(mailbox.Domain)}";

    static string DomainKey(string domain) => HostName.ToALabels(domain).ToLowerInvariant();

    static string Fold(string local) => local.ToLowerInvariant();
}
