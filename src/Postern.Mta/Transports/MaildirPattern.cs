using System.Diagnostics.CodeAnalysis;
using System.Text;
using Postern.Mta.Queue;

namespace Postern.Mta.Transports;

/// <summary>Where mailboxes lie, <c>/var/mail/${domain}/${user}</c>: a path whose parts hold macros of the
/// recipient.</summary>
/// <remarks>
/// The parts before the first macro are the root. What a stranger writes as an address chooses among
/// directories below it and nothing else: a value is one part of a path, never a dot file, never a way up.
/// </remarks>
sealed class MaildirPattern
{
    /// <summary>Octets in one part of a path: NAME_MAX of Linux.</summary>
    const int PartOctetsMax = 255;

    static readonly PipeMacro[] Known =
    [
        PipeMacro.Domain, PipeMacro.Extension, PipeMacro.Mailbox, PipeMacro.Nexthop,
        PipeMacro.OriginalRecipient, PipeMacro.Recipient, PipeMacro.User,
    ];

    readonly IReadOnlyList<PipeArgument> parts;

    MaildirPattern(string root, IReadOnlyList<PipeArgument> parts)
    {
        Root = root;
        this.parts = parts;
    }

    /// <summary>Holds every mailbox. It must be there.</summary>
    public string Root { get; }

    /// <summary>All recipients have the same mailbox.</summary>
    public bool IsOne => !parts.Any(static part => part.Macros.Any());

    /// <summary>The mailbox may be made where what it lies in is there: its name is the operator's, not a
    /// stranger's.</summary>
    public bool IsMade => !parts[^1].Macros.Any();

    /// <param name="problem">What is wrong, for the operator.</param>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out MaildirPattern? pattern,
        [NotNullWhen(false)] out string? problem)
    {
        pattern = null;
        problem = null;
        if (text is null)
            problem = "is missing; write directory = \"/var/mail/${user}\"";
        else if (!text.StartsWith('/') || text.Trim('/').Length == 0)
            problem = $"\"{text}\" is no whole path; write \"/var/mail/${{user}}\"";
        var parsed = new List<PipeArgument>();
        foreach (var part in problem is null ? text!.Split('/', StringSplitOptions.RemoveEmptyEntries) : [])
        {
            if (!PipeArgument.TryParse(part, out var argument, out problem))
                return false;
            parsed.Add(argument);
            if (part is "." or "..")
                problem = $"\"{text}\": write the path without \"{part}\"";
            else if (argument.Macros.Except(Known).ToArray() is [var macro, ..])
                problem = $"\"{text}\": ${{{PipeArgument.NameOf(macro)}}} does not name the recipient; those "
                    + $"that do are {string.Join(", ", Known.Select(PipeArgument.NameOf))}";
            if (problem is not null)
                return false;
        }
        if (problem is not null)
            return false;
        var fixedParts = parsed.TakeWhile(static part => !part.Macros.Any()).Count();
        var rootParts = Math.Min(fixedParts, parsed.Count - 1);
        var root = "/" + string.Join('/', parsed.Take(rootParts).Select(static part => part.Expand(NoValue)));
        pattern = new MaildirPattern(root, [.. parsed.Skip(rootParts)]);
        return true;
    }

    /// <summary>The mailbox of a recipient.</summary>
    /// <param name="problem">Why the address names none.</param>
    public bool TryExpand(
        PipeFacts facts, Recipient recipient,
        [NotNullWhen(true)] out string? path, [NotNullWhen(false)] out string? problem)
    {
        path = null;
        var text = new StringBuilder(Root == "/" ? "" : Root);
        foreach (var part in parts)
        {
            foreach (var macro in part.Macros)
            {
                if (!IsOnePart(ValueOf(macro)))
                {
                    problem = $"${{{PipeArgument.NameOf(macro)}}} is no name of a directory here";
                    return false;
                }
            }
            var name = part.Expand(ValueOf);
            if (name is "" or "." or ".." || Encoding.UTF8.GetByteCount(name) > PartOctetsMax)
            {
                problem = "the address gives no name of a directory";
                return false;
            }
            text.Append('/').Append(name);
        }
        path = text.ToString();
        problem = null;
        return true;

        // Domains know no case and users expect none; directories do.
        string ValueOf(PipeMacro macro) => facts.ValueOf(macro, recipient).ToLowerInvariant();
    }

    static bool IsOnePart(string value) => !value.StartsWith('.')
        && !value.Contains('/', StringComparison.Ordinal) && !value.Any(char.IsControl);

    static string NoValue(PipeMacro macro) => throw new System.Diagnostics.UnreachableException();
}
