using System.Buffers;
using System.Globalization;
using System.Text;

namespace Postern.Api.Mailgun;

/// <summary>Makes the tree of a template from its tokens.</summary>
/// <remarks>The first thing that is wrong ends it. Nothing throws, whatever comes.</remarks>
sealed class HandlebarsParser(IReadOnlyList<HandlebarsToken> tokens)
{
    /// <summary>Of blocks within blocks; <c>else if</c> is one, too.</summary>
    public const int DepthMax = 32;

    const int WordCharactersMax = 1024;
    const int WordsMax = 16;

    static readonly HashSet<string> LoopFacts = new(StringComparer.Ordinal)
    {
        "index", "key", "first", "last",
    };

    static readonly SearchValues<char> NotInNames = SearchValues.Create("!\"#%&'()*+,;<=>@[\\]^`{|}~");

    int at;

    /// <summary>Why it is no template of ours. Null: nothing is wrong.</summary>
    public string? Trouble { get; private set; }

    public IReadOnlyList<HandlebarsNode> Parse()
    {
        var nodes = ReadNodes(depth: 0);
        if (at < tokens.Count)
            Fail(tokens[at].Text is ['/', ..] ? "a block is closed that was not opened"
                : "else stands outside of a block");
        return nodes;
    }

    /// <summary>Up to what ends a block or one of its branches, which stays.</summary>
    List<HandlebarsNode> ReadNodes(int depth)
    {
        var nodes = new List<HandlebarsNode>();
        while (at < tokens.Count && !EndsBranch(tokens[at]))
        {
            var token = tokens[at++];
            switch (token.Kind)
            {
                case HandlebarsTokenKind.Text when token.Text.Length > 0:
                    nodes.Add(new HandlebarsNode.Literal(token.Text));
                    break;
                case HandlebarsTokenKind.RawTag:
                    AddOutput(nodes, token.Text, operand => new HandlebarsNode.Raw(operand));
                    break;
                case HandlebarsTokenKind.Tag when token.Text is ['&', .. var rest]:
                    AddOutput(nodes, rest, operand => new HandlebarsNode.Raw(operand));
                    break;
                case HandlebarsTokenKind.Tag when token.Text is ['#' or '^', ..]:
                    AddBlock(nodes, token, depth);
                    break;
                case HandlebarsTokenKind.Tag:
                    AddOutput(nodes, token.Text, operand => new HandlebarsNode.Escaped(operand));
                    break;
            }
        }
        return nodes;
    }

    static bool EndsBranch(HandlebarsToken token) => token.Kind == HandlebarsTokenKind.Tag
        && (token.Text is ['/', ..] or "^" or "else"
            || token.Text.StartsWith("else ", StringComparison.Ordinal));

    void AddOutput(
        List<HandlebarsNode> nodes, string tag, Func<HandlebarsOperand, HandlebarsNode> output)
    {
        if (tag is ['>' or '*', ..])
            Fail("partials and decorators are not supported");
        else if (Words(tag) is { } words)
        {
            if (words.Count != 1)
                Fail(words.Count == 0 ? "a tag is empty" : $"the helper {words[0]} is not supported");
            else if (Operand(words[0]) is { } operand)
                nodes.Add(output(operand));
        }
    }

    void AddBlock(List<HandlebarsNode> nodes, HandlebarsToken token, int depth)
    {
        if (token.Text is ['#', '>' or '*', ..])
            Fail("partials and decorators are not supported");
        else if (Words(token.Text[1..]) is not { } words)
            return;
        else if (words.Count == 0)
            Fail("a tag is empty");
        else if (ReadBlock(token.Text[0] == '^', words, depth) is { } block)
        {
            nodes.Add(block);
            Close(words[0]);
        }
    }

    void Close(string name)
    {
        if (at == tokens.Count)
            Fail($"the block {name} is not closed");
        else if (tokens[at++].Text is not ['/', .. var closed] || closed.Trim() != name)
            Fail($"the block {name} is not closed by its name");
    }

    /// <summary>Up to its closing tag, which stays.</summary>
    HandlebarsNode? ReadBlock(bool isInverse, IReadOnlyList<string> words, int depth)
    {
        if (depth == DepthMax)
            return Fail($"blocks stand more than {DepthMax} deep in each other");
        var body = ReadNodes(depth + 1);
        var otherwise = new List<HandlebarsNode>();
        if (at < tokens.Count && tokens[at].Text is not ['/', ..])
        {
            var divider = tokens[at++].Text;
            if (divider.StartsWith("else ", StringComparison.Ordinal))
            {
                if (Words(divider[5..]) is { Count: > 0 } chained
                    && ReadBlock(isInverse: false, chained, depth + 1) is { } next)
                    otherwise.Add(next);
            }
            else
                otherwise = ReadNodes(depth + 1);
        }
        return Trouble is not null ? null
            : isInverse ? BlockOf(words, otherwise, body) : BlockOf(words, body, otherwise);
    }

    HandlebarsNode? BlockOf(
        IReadOnlyList<string> words, IReadOnlyList<HandlebarsNode> body,
        IReadOnlyList<HandlebarsNode> otherwise)
    {
        var operands = words.Skip(1).Select(Operand).OfType<HandlebarsOperand>().ToArray();
        return (words[0], operands) switch
        {
            _ when Trouble is not null => null,
            ("if", [var one]) => new HandlebarsNode.If(one, body, otherwise),
            ("unless", [var one]) => new HandlebarsNode.If(one, otherwise, body),
            ("each", [var one]) => new HandlebarsNode.Each(one, body, otherwise),
            ("with", [var one]) => new HandlebarsNode.With(one, body, otherwise),
            ("equal", [var left, var right]) => new HandlebarsNode.Equal(left, right, body, otherwise),
            ("if" or "unless" or "each" or "with" or "equal", _) =>
                Fail($"{words[0]} has {operands.Length} operands"),
            (_, []) => Operand(words[0]) is { } one ? new HandlebarsNode.Section(one, body, otherwise) : null,
            _ => Fail($"the helper {words[0]} is not supported"),
        };
    }

    /// <summary>Null: something is wrong.</summary>
    List<string>? Words(string tag)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var quote = '\0';
        foreach (var c in tag)
        {
            if (quote == '\0' && char.IsWhiteSpace(c))
                End();
            else if (quote == '\0' && c is ('(' or ')' or '|' or '='))
            {
                Fail("subexpressions, block parameters and named operands are not supported");
                return null;
            }
            else
            {
                quote = c == quote ? '\0' : quote == '\0' ? QuoteOf(c, word) : quote;
                word.Append(c);
            }
        }
        End();
        if (quote != '\0' || words.Count > WordsMax || words.Exists(one => one.Length > WordCharactersMax))
        {
            Fail("a tag cannot be understood");
            return null;
        }
        return words;

        void End()
        {
            if (word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
        }
    }

    /// <summary>What ends what this sign begins: a quote, or a name in brackets. 0: it begins
    /// nothing.</summary>
    static char QuoteOf(char c, StringBuilder word) => c switch
    {
        '"' or '\'' when word.Length == 0 => c,
        '[' when word.Length == 0 || word[^1] is '.' or '/' => ']',
        _ => '\0',
    };

    /// <summary>Null: something is wrong.</summary>
    HandlebarsOperand? Operand(string word)
    {
        switch (word)
        {
            case ['"', .., '"'] or ['\'', .., '\'']:
                return new HandlebarsOperand.Constant(new TemplateValue.Words(word[1..^1]));
            case "true" or "false":
                return new HandlebarsOperand.Constant(new TemplateValue.Flag(word == "true"));
            case "null" or "undefined":
                return new HandlebarsOperand.Constant(TemplateValue.Missing);
        }
        if (word is ['-' or (>= '0' and <= '9'), ..] && double.TryParse(
            word, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            return new HandlebarsOperand.Constant(TemplateValue.NumberOf(word));
        return word is ['@', .. var fact] ? LoopOperand(word, fact) : PathOperand(word);
    }

    HandlebarsOperand? LoopOperand(string word, string fact)
    {
        var ups = 0;
        for (; fact.StartsWith("../", StringComparison.Ordinal); ups++)
            fact = fact[3..];
        if (LoopFacts.Contains(fact))
            return new HandlebarsOperand.OfLoop(ups, fact);
        return ups == 0 && Names(fact) is ["root", .. var names] ? new HandlebarsOperand.RootPath([.. names])
            : FailOperand(word);
    }

    HandlebarsOperand? PathOperand(string word)
    {
        var (ups, rest) = (0, word);
        for (; rest.StartsWith("../", StringComparison.Ordinal); ups++)
            rest = rest[3..];
        if (rest == "..")
            (ups, rest) = (ups + 1, "");
        if (rest.StartsWith("./", StringComparison.Ordinal))
            rest = rest[2..];
        if (rest is "" or "." or "this")
            return new HandlebarsOperand.Path(ups, []);
        return Names(rest) switch
        {
            null => FailOperand(word),
            ["this", .. var names] => new HandlebarsOperand.Path(ups, [.. names]),
            { } names => new HandlebarsOperand.Path(ups, names),
        };
    }

    /// <summary>The names of a path, between dots or slashes, or in brackets. Null: it is no path.</summary>
    static List<string>? Names(string path)
    {
        var names = new List<string>();
        for (var from = 0; from <= path.Length;)
        {
            var isBracketed = from < path.Length && path[from] == '[';
            var end = isBracketed ? path.IndexOf(']', from) : path.AsSpan(from).IndexOfAny('.', '/');
            if (isBracketed)
            {
                if (end < 0 || (end + 1 < path.Length && path[end + 1] is not ('.' or '/')))
                    return null;
                names.Add(path[(from + 1)..end]);
                from = end + 2;
                continue;
            }
            var name = end < 0 ? path[from..] : path[from..(from + end)];
            if (name.Length == 0 || name.AsSpan().ContainsAny(NotInNames))
                return null;
            names.Add(name);
            from += name.Length + 1;
        }
        return names;
    }

    HandlebarsOperand? FailOperand(string word)
    {
        Fail($"{word} cannot be understood");
        return null;
    }

    /// <summary>The first one counts, and nothing more is read.</summary>
    HandlebarsNode? Fail(string why)
    {
        var line = tokens.Count == 0 ? 1 : tokens[Math.Clamp(at - 1, 0, tokens.Count - 1)].Line;
        Trouble ??= string.Create(CultureInfo.InvariantCulture, $"line {line}: {why}");
        at = tokens.Count;
        return null;
    }
}
