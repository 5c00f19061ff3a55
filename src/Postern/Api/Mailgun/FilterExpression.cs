using System.Globalization;

namespace Postern.Api.Mailgun;

/// <summary>What a filter of the events API says of a value: words, "quoted phrases", AND, OR, NOT,
/// parentheses, and for numbers <c>&gt; &gt;= &lt; &lt;=</c>.</summary>
/// <remarks>Words side by side are joined by AND. Case does not count.</remarks>
abstract record FilterExpression
{
    const int TextCharactersMax = 4096;
    const int DepthMax = 32;

    FilterExpression() { }

    /// <param name="value">Null: the event has none.</param>
    /// <param name="isWhole">A word is the whole value, not a part of it.</param>
    public abstract bool Fits(string? value, bool isWhole);

    /// <exception cref="ApiException">It is no expression.</exception>
    public static FilterExpression Parse(string text)
    {
        if (text.Length > TextCharactersMax)
            throw new ApiException(400, $"a filter is longer than {TextCharactersMax} characters");
        var parser = new Parser(text);
        var expression = parser.ReadAny(0);
        return parser.IsAtEnd ? expression : throw Parser.Wrong();
    }

    sealed record Word(string Text) : FilterExpression
    {
        public override bool Fits(string? value, bool isWhole) => value is not null && (isWhole
            ? value.Equals(Text, StringComparison.OrdinalIgnoreCase)
            : value.Contains(Text, StringComparison.OrdinalIgnoreCase));
    }

    sealed record Number(Func<double, bool> Holds) : FilterExpression
    {
        public override bool Fits(string? value, bool isWhole) =>
            double.TryParse(value, CultureInfo.InvariantCulture, out var number) && Holds(number);
    }

    sealed record Not(FilterExpression One) : FilterExpression
    {
        public override bool Fits(string? value, bool isWhole) => !One.Fits(value, isWhole);
    }

    sealed record All(FilterExpression One, FilterExpression Other) : FilterExpression
    {
        public override bool Fits(string? value, bool isWhole) =>
            One.Fits(value, isWhole) && Other.Fits(value, isWhole);
    }

    sealed record Any(FilterExpression One, FilterExpression Other) : FilterExpression
    {
        public override bool Fits(string? value, bool isWhole) =>
            One.Fits(value, isWhole) || Other.Fits(value, isWhole);
    }

    sealed class Parser(string text)
    {
        int at;

        public bool IsAtEnd
        {
            get
            {
                while (at < text.Length && char.IsWhiteSpace(text[at]))
                    at++;
                return at == text.Length;
            }
        }

        public static ApiException Wrong() => new(400, "a filter is no expression of words, AND, OR, NOT");

        public FilterExpression ReadAny(int depth)
        {
            var one = ReadAll(depth);
            while (TrySkip("OR"))
                one = new Any(one, ReadAll(depth));
            return one;
        }

        FilterExpression ReadAll(int depth)
        {
            var one = ReadNot(depth);
            while (!IsAtEnd && text[at] != ')' && !StartsWith("OR"))
            {
                TrySkip("AND");
                one = new All(one, ReadNot(depth));
            }
            return one;
        }

        FilterExpression ReadNot(int depth)
        {
            if (depth > DepthMax)
                throw Wrong();
            return TrySkip("NOT") ? new Not(ReadNot(depth + 1)) : ReadOne(depth);
        }

        FilterExpression ReadOne(int depth)
        {
            if (IsAtEnd)
                throw Wrong();
            switch (text[at])
            {
                case '(':
                    at++;
                    var inner = ReadAny(depth + 1);
                    if (IsAtEnd || text[at++] != ')')
                        throw Wrong();
                    return inner;
                case '"':
                    var end = text.IndexOf('"', at + 1);
                    if (end < 0)
                        throw Wrong();
                    var phrase = text[(at + 1)..end];
                    at = end + 1;
                    return new Word(phrase);
                case '>' or '<':
                    return ReadNumber();
                default:
                    return ReadWord() is { Length: > 0 } word ? new Word(word) : throw Wrong();
            }
        }

        Number ReadNumber()
        {
            var isGreater = text[at++] == '>';
            var isEqual = at < text.Length && text[at] == '=';
            if (isEqual)
                at++;
            if (IsAtEnd || !double.TryParse(ReadWord(), CultureInfo.InvariantCulture, out var bound))
                throw Wrong();
            return new Number((isGreater, isEqual) switch
            {
                (true, true) => number => number >= bound,
                (true, false) => number => number > bound,
                (false, true) => number => number <= bound,
                (false, false) => number => number < bound,
            });
        }

        string ReadWord()
        {
            var start = at;
            while (at < text.Length && !char.IsWhiteSpace(text[at]) && text[at] is not ('(' or ')' or '"'))
                at++;
            return text[start..at];
        }

        bool TrySkip(string word)
        {
            if (!StartsWith(word))
                return false;
            at += word.Length;
            return true;
        }

        bool StartsWith(string word)
        {
            if (IsAtEnd || !text.AsSpan(at).StartsWith(word, StringComparison.OrdinalIgnoreCase))
                return false;
            var behind = at + word.Length;
            return behind == text.Length || char.IsWhiteSpace(text[behind]) || text[behind] is '(' or '"';
        }
    }
}
