namespace Postern.Mta.Routing;

/// <summary>Reads an expression: calls joined by <c>and</c>, <c>or</c>, <c>not</c> and parentheses.</summary>
sealed class RouteFilterParser(string text)
{
    readonly RouteWords words = new(text);
    int groups;
    int depth;

    public string? Problem { get; private set; }

    /// <summary>Null: see <see cref="Problem"/>.</summary>
    public RouteFilter? Read()
    {
        if (text.Length > RouteFilter.CharactersMax)
            return Fail($"it is longer than {RouteFilter.CharactersMax} characters");
        if (ReadOr() is not { } filter)
            return null;
        return words.IsAtEnd ? filter : Fail($"\"{words.Rest}\" is not expected");
    }

    RouteFilter? Fail(string problem)
    {
        Problem ??= problem;
        return null;
    }

    RouteFilter? ReadOr()
    {
        var any = new List<RouteFilter>();
        do
        {
            if (ReadAnd() is not { } one)
                return null;
            any.Add(one);
        }
        while (words.TryTakeWord("or"));
        return any is [var only] ? only : new RouteFilter.Or(any);
    }

    RouteFilter? ReadAnd()
    {
        var all = new List<RouteFilter>();
        do
        {
            if (ReadOne() is not { } one)
                return null;
            all.Add(one);
        }
        while (words.TryTakeWord("and"));
        return all is [var only] ? only : new RouteFilter.And(all);
    }

    RouteFilter? ReadOne()
    {
        var isNot = words.TryTakeWord("not");
        if (!isNot && !words.TryTake('('))
            return ReadCall();
        if (++depth > RouteFilter.DepthMax)
            return Fail($"it stands deeper than {RouteFilter.DepthMax}");
        var inner = isNot ? ReadOne() : ReadOr();
        depth--;
        if (inner is null)
            return null;
        if (isNot)
            return new RouteFilter.Not(inner);
        return words.TryTake(')') ? inner : Fail($"a ) is expected before \"{words.Rest}\"");
    }

    RouteFilter? ReadCall()
    {
        if (words.TryTakeWord("catch_all"))
            return words.TryTake('(') && words.TryTake(')') ? new RouteFilter.CatchAll()
                : Fail("catch_all is written catch_all()");
        if (words.TryTakeWord("match_recipient"))
            return words.TryTake('(') && words.TakeText() is { } recipient && words.TryTake(')')
                ? PatternOf(recipient, PatternPlace.Address) is { } pattern
                    ? new RouteFilter.Recipient(pattern, Count(pattern)) : null
                : Fail("match_recipient takes one quoted pattern");
        if (words.TryTakeWord("match_header"))
            return words.TryTake('(') && words.TakeText() is { Length: > 0 } name && words.TryTake(',')
                && words.TakeText() is { } value && words.TryTake(')')
                ? PatternOf(value, PatternPlace.Field) is { } pattern
                    ? new RouteFilter.Header(name, pattern, Count(pattern)) : null
                : Fail("match_header takes the name of a field and a pattern, both quoted");
        return Fail(words.IsAtEnd ? "it ends where a filter is expected"
            : $"\"{words.Rest}\" is no filter; match_recipient, match_header and catch_all are");
    }

    RoutePattern? PatternOf(string pattern, PatternPlace place)
    {
        if (RoutePattern.TryParse(pattern, place, out var read, out var problem))
            return read;
        Fail($"the pattern \"{pattern}\" cannot be taken: {problem}");
        return null;
    }

    /// <summary>How many groups stand before those of this pattern.</summary>
    int Count(RoutePattern pattern)
    {
        var first = groups;
        groups += pattern.Groups;
        return first;
    }
}

/// <summary>Words, quoted texts and signs of an expression or action, one after the other.</summary>
sealed class RouteWords(string text)
{
    const int RestCharactersMax = 40;
    int at;

    public bool IsAtEnd
    {
        get
        {
            Skip();
            return at == text.Length;
        }
    }

    /// <summary>For a message: what comes next.</summary>
    public string Rest => text.Substring(at, Math.Min(RestCharactersMax, text.Length - at));

    public bool TryTake(char sign)
    {
        Skip();
        if (at == text.Length || text[at] != sign)
            return false;
        at++;
        return true;
    }

    public bool TryTakeWord(string word)
    {
        Skip();
        var rest = text.AsSpan(at);
        if (!rest.StartsWith(word, StringComparison.OrdinalIgnoreCase)
            || (rest.Length > word.Length && (char.IsLetterOrDigit(rest[word.Length])
                || rest[word.Length] == '_')))
            return false;
        at += word.Length;
        return true;
    }

    /// <summary>In either quotes; a backslash keeps its own and only takes the quote's meaning away. Null:
    /// there is none.</summary>
    public string? TakeText()
    {
        Skip();
        if (at == text.Length || text[at] is not ('"' or '\''))
            return null;
        var quote = text[at];
        var found = new System.Text.StringBuilder();
        for (var i = at + 1; i < text.Length; i++)
        {
            if (text[i] == quote)
            {
                at = i + 1;
                return found.ToString();
            }
            if (text[i] == '\\' && i + 1 < text.Length)
            {
                if (text[i + 1] != quote)
                    found.Append('\\');
                i++;
            }
            found.Append(text[i]);
        }
        return null;
    }

    void Skip()
    {
        while (at < text.Length && text[at] is ' ' or '\t' or '\r' or '\n')
            at++;
    }
}
