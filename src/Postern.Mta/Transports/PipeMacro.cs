using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Postern.Mta.Transports;

/// <summary>A macro of pipe(8), with the names Postfix gives them.</summary>
enum PipeMacro
{
    ClientAddress,
    ClientHelo,
    ClientHostname,
    ClientPort,
    ClientProtocol,
    Domain,
    Envid,
    Extension,
    Mailbox,
    Nexthop,
    OriginalRecipient,
    QueueId,
    Recipient,
    SaslMethod,
    SaslSender,
    SaslUsername,
    Sender,
    Size,
    User,
}

/// <summary>One argument of a pipe's argv, read once: literals and macros.</summary>
/// <remarks>
/// <c>${name}</c> and <c>$name</c> are macros, <c>$$</c> is a dollar. There is no shell: a value is never
/// split and nothing in it is special.
/// </remarks>
sealed class PipeArgument
{
    readonly record struct Piece(string Literal, PipeMacro? Macro);

    static readonly FrozenDictionary<string, PipeMacro> Names = Enum.GetValues<PipeMacro>()
        .ToFrozenDictionary(static macro => NameOf(macro), StringComparer.Ordinal);

    readonly IReadOnlyList<Piece> pieces;

    PipeArgument(IReadOnlyList<Piece> pieces) => this.pieces = pieces;

    /// <summary>As in Postfix, such an argument appears once for each recipient.</summary>
    public bool IsPerRecipient => pieces.Any(static piece => piece.Macro
        is PipeMacro.Extension or PipeMacro.Mailbox or PipeMacro.OriginalRecipient or PipeMacro.Recipient
            or PipeMacro.User);

    /// <summary>Recipients of several domains cannot share it.</summary>
    public bool IsPerDomain =>
        pieces.Any(static piece => piece.Macro is PipeMacro.Domain or PipeMacro.Nexthop);

    /// <summary>The macro it begins with. Null: a literal comes first, so that no value can pass for an
    /// option.</summary>
    public PipeMacro? Leading => pieces is [{ Macro: { } macro }, ..] ? macro : null;

    /// <summary>In their order.</summary>
    public IEnumerable<PipeMacro> Macros => pieces.Where(static piece => piece.Macro is not null)
        .Select(static piece => piece.Macro!.Value);

    /// <summary>The name as it is written in argv, for example <c>queue_id</c>.</summary>
    public static string NameOf(PipeMacro macro)
    {
        var name = new StringBuilder();
        foreach (var character in macro.ToString())
        {
            if (char.IsAsciiLetterUpper(character) && name.Length > 0)
                name.Append('_');
            name.Append(char.ToLowerInvariant(character));
        }
        return name.ToString();
    }

    /// <param name="problem">What is wrong, for the operator.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out PipeArgument? argument, [NotNullWhen(false)] out string? problem)
    {
        argument = null;
        var pieces = new List<Piece>();
        var literal = new StringBuilder();
        for (var at = 0; at < text.Length;)
        {
            if (text[at] != '$')
            {
                literal.Append(text[at++]);
                continue;
            }
            if (at + 1 < text.Length && text[at + 1] == '$')
            {
                literal.Append('$');
                at += 2;
                continue;
            }
            if (!TryReadName(text, ref at, out var name))
            {
                problem = $"\"{text}\": a dollar that stands for itself is written $$";
                return false;
            }
            if (!Names.TryGetValue(name, out var macro))
            {
                var known = string.Join(", ", Names.Keys.Order());
                problem = $"\"{text}\": there is no macro ${{{name}}}; known are {known}";
                return false;
            }
            if (literal.Length > 0)
                pieces.Add(new Piece(literal.ToString(), null));
            literal.Clear();
            pieces.Add(new Piece("", macro));
        }
        if (literal.Length > 0 || pieces.Count == 0)
            pieces.Add(new Piece(literal.ToString(), null));
        argument = new PipeArgument(pieces);
        problem = null;
        return true;
    }

    public string Expand(PipeFacts facts, Queue.Recipient recipient) =>
        Expand(macro => facts.ValueOf(macro, recipient));

    public string Expand(Func<PipeMacro, string> valueOf)
    {
        if (pieces is [var only])
            return only.Macro is { } lone ? valueOf(lone) : only.Literal;
        var text = new StringBuilder();
        foreach (var piece in pieces)
            text.Append(piece.Macro is { } macro ? valueOf(macro) : piece.Literal);
        return text.ToString();
    }

    static bool TryReadName(string text, ref int at, out string name)
    {
        var braced = at + 1 < text.Length && text[at + 1] == '{';
        var start = at + (braced ? 2 : 1);
        var end = start;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
            end++;
        name = text[start..end];
        if (name.Length == 0 || (braced && (end >= text.Length || text[end] != '}')))
            return false;
        at = braced ? end + 1 : end;
        return true;
    }
}
