using CsCheck;
using Postern.Mta.Routing;

namespace Postern.Tests.Routing;

/// <summary>The language of routes: what it takes, what it refuses, what it means.</summary>
public sealed class RouteFilterTests
{
    static readonly KeyValuePair<string, string>[] Fields =
        [new("Subject", "Please help: 도움"), new("X-Tag", "one"), new("X-Tag", "two")];

    static RouteFilter Parse(string text) => RouteFilter.TryParse(text, out var filter, out var problem)
        ? filter : throw new FormatException(problem);

    static RouteVerdict Judge(string text, bool withFields, RouteVerdict earlier = RouteVerdict.No) =>
        Parse(text).Judge(new RouteCase("Ann+shop@mg.example.org", withFields ? Fields : null, earlier));

    [Theory]
    [InlineData("match_recipient(\"ann.*@mg.example.org\")", RouteVerdict.Yes)]
    [InlineData("match_recipient('ANN')", RouteVerdict.Yes)]
    [InlineData("match_recipient('nn')", RouteVerdict.No)]
    [InlineData("match_recipient('.*nn')", RouteVerdict.Yes)]
    [InlineData("match_recipient('a|b.*')", RouteVerdict.Yes)]
    [InlineData("match_recipient(\"^ann\\+(.*)@mg\\.example\\.org$\")", RouteVerdict.Yes)]
    [InlineData("match_recipient('ann\\Z')", RouteVerdict.No)]
    [InlineData("match_recipient('an{,3}[+]') ", RouteVerdict.Yes)]
    [InlineData("match_recipient('a[]n]{2}')", RouteVerdict.Yes)]
    [InlineData("match_header('subject', 'help')", RouteVerdict.Yes)]
    [InlineData("match_header('subject', 'HELP')", RouteVerdict.No)]
    [InlineData("match_header('subject', '(?i)HELP')", RouteVerdict.Yes)]
    [InlineData("match_header('subject', '도움$')", RouteVerdict.Yes)]
    [InlineData("match_header(\"x-tag\" , 'two')", RouteVerdict.Yes)]
    [InlineData("match_header('x-none', '.*')", RouteVerdict.No)]
    [InlineData("catch_all()", RouteVerdict.Yes)]
    [InlineData("not catch_all()", RouteVerdict.No)]
    [InlineData("not not match_recipient('ann')", RouteVerdict.Yes)]
    [InlineData("match_recipient('ann') and match_header('subject','nothing')", RouteVerdict.No)]
    [InlineData("match_recipient('bob') or match_recipient('ann') and catch_all()", RouteVerdict.Yes)]
    [InlineData("(match_recipient('ann') or catch_all()) and match_recipient('bob')", RouteVerdict.No)]
    [InlineData("MATCH_RECIPIENT('ann') AND NOT match_recipient('bob')", RouteVerdict.Yes)]
    public void Expression_MeansWhatItSays(string text, RouteVerdict expected) =>
        Assert.Equal(expected, Judge(text, withFields: true));

    [Theory]
    [InlineData("match_header('subject', 'x')", RouteVerdict.Maybe)]
    [InlineData("not match_header('subject', 'x')", RouteVerdict.Maybe)]
    [InlineData("match_recipient('ann') and match_header('subject', 'x')", RouteVerdict.Maybe)]
    [InlineData("match_recipient('bob') and match_header('subject', 'x')", RouteVerdict.No)]
    [InlineData("match_recipient('ann') or match_header('subject', 'x')", RouteVerdict.Yes)]
    public void Expression_WithoutTheHeader_SaysWhetherItMay(string text, RouteVerdict expected) =>
        Assert.Equal(expected, Judge(text, withFields: false));

    [Theory]
    [InlineData(RouteVerdict.No, RouteVerdict.Yes)]
    [InlineData(RouteVerdict.Maybe, RouteVerdict.Maybe)]
    [InlineData(RouteVerdict.Yes, RouteVerdict.No)]
    public void CatchAll_TakesWhatNoEarlierOneTook(RouteVerdict earlier, RouteVerdict expected) =>
        Assert.Equal(expected, Judge("catch_all()", withFields: true, earlier));

    [Theory]
    [InlineData("", "it ends where a filter is expected")]
    [InlineData("match_recipient(x)", "match_recipient takes one quoted pattern")]
    [InlineData("match_recipient('x'", "match_recipient takes one quoted pattern")]
    [InlineData("match_recipient('x\")", "match_recipient takes one quoted pattern")]
    [InlineData("match_header('x')", "match_header takes the name of a field and a pattern, both quoted")]
    [InlineData("catch_all", "catch_all is written catch_all()")]
    [InlineData("catch_all() catch_all()", "\"catch_all()\" is not expected")]
    [InlineData("(catch_all()", "a ) is expected before \"\"")]
    [InlineData("catch_all() and", "it ends where a filter is expected")]
    [InlineData("eval('x')",
        "\"eval('x')\" is no filter; match_recipient, match_header and catch_all are")]
    [InlineData("match_recipient('(?!a)b')",
        "the pattern \"(?!a)b\" cannot be taken: (? is followed by what is not offered; offered are (?:...),"
        + " (?P<name>...) and the flags i, m, s")]
    [InlineData("match_recipient('(a)\\\\1')", null)]
    [InlineData("match_recipient('(a)\\1')",
        "the pattern \"(a)\\1\" cannot be taken: it needs backtracking, which is not offered")]
    [InlineData("match_recipient('(')",
        "the pattern \"(\" cannot be taken: a ( is not closed")]
    [InlineData("match_recipient('a)|(b')",
        "the pattern \"a)|(b\" cannot be taken: a ) closes nothing")]
    [InlineData("match_recipient('a**')",
        "the pattern \"a**\" cannot be taken: it is wrong: NestedQuantifiersNotParenthesized")]
    [InlineData("match_recipient('[a')", "the pattern \"[a\" cannot be taken: a [ is not closed")]
    [InlineData("match_recipient('(?P<n>a)(?P<n>b)')",
        "the pattern \"(?P<n>a)(?P<n>b)\" cannot be taken: the name of a group is wrong or stands twice")]
    [InlineData("match_recipient('(a{200}){200}')",
        "the pattern \"(a{200}){200}\" cannot be taken: its repeats make more than 10000 when multiplied")]
    public void Expression_ThatIsWrong_IsRefusedInWords(string text, string? expected)
    {
        var isTaken = RouteFilter.TryParse(text, out _, out var problem);
        Assert.Equal((expected is null, expected), (isTaken, problem));
    }

    [Theory]
    [InlineData(32, true)]
    [InlineData(33, false)]
    public void Depth_HasALimit(int depth, bool isTaken)
    {
        var text = new string('(', depth) + "catch_all()" + new string(')', depth);
        Assert.Equal(isTaken, RouteFilter.TryParse(text, out _, out _));
        var nots = string.Concat(Enumerable.Repeat("not ", depth)) + "catch_all()";
        Assert.Equal(isTaken, RouteFilter.TryParse(nots, out _, out _));
    }

    [Theory]
    [InlineData(4096, true)]
    [InlineData(4097, false)]
    public void Length_HasALimit(int characters, bool isTaken) => Assert.Equal(
        isTaken, RouteFilter.TryParse("catch_all()".PadRight(characters), out _, out _));

    [Fact]
    public void Groups_AreNumberedThroughTheExpression()
    {
        var filter = Parse("match_recipient('(?P<user>[^+]+)[+](.*)@') and match_header('x-tag','(t.)')");
        var mail = new RouteCase("ann+shop@mg.example.org", Fields, RouteVerdict.No);
        Assert.Equal(RouteVerdict.Yes, filter.Judge(mail));
        Assert.Equal(["ann", "shop", "tw", ""], Enumerable.Range(1, 4).Select(mail.Caught));
        Assert.True(CaptureText.TryParse(
            @"\g<user>-\2-\3-\g<1>-\\1", filter, out var text, out _));
        Assert.Equal(@"ann-shop-tw-ann-\1", text.Fill(mail, caught => caught));
        Assert.False(CaptureText.TryParse(@"\g<none>", filter, out _, out var problem));
        Assert.Equal(@"""\g<none>"" names no group of the expression", problem);
        Assert.False(CaptureText.TryParse(@"\4", filter, out _, out _));
    }

    /// <summary>An expression and what it is, by truth tables of its own.</summary>
    sealed record Model(string Text, bool IsTrue);

    static readonly Model[] Leaves =
    [
        new("match_recipient('ann')", true), new("match_recipient(\"bob\")", false),
        new("match_header('Subject', 'help')", true), new("match_header('X-Tag','three')", false),
        new("catch_all()", true),
    ];

    static readonly Gen<Model> Leaf = Gen.Int[0, Leaves.Length - 1].Select(i => Leaves[i]);

    static Gen<Model> Of(int depth) => depth == 0 ? Leaf : Gen.OneOf(
        Leaf,
        Of(depth - 1).Select(one => new Model($"not ({one.Text})", !one.IsTrue)),
        Gen.Select(Of(depth - 1), Of(depth - 1), (one, other) =>
            new Model($"({one.Text}) and ({other.Text})", one.IsTrue && other.IsTrue)),
        Gen.Select(Of(depth - 1), Of(depth - 1), (one, other) =>
            new Model($"( {one.Text} )or\t({other.Text})", one.IsTrue || other.IsTrue)));

    [Fact]
    public void Expression_OfAnyShape_IsItsTruthTable() => Of(5).Sample(model =>
        Assert.Equal(model.IsTrue ? RouteVerdict.Yes : RouteVerdict.No, Judge(model.Text, withFields: true)));

    /// <summary>What is sure without the header stays so with any header.</summary>
    [Fact]
    public void Verdict_WithoutTheHeader_IsNeverContradicted() => Of(5).Sample(model =>
    {
        if (Judge(model.Text, withFields: false) is var early and not RouteVerdict.Maybe)
            Assert.Equal(early, Judge(model.Text, withFields: true));
    });

    static readonly string[] Pieces =
    [
        "match_recipient(", "match_header(", "catch_all()", "forward(", "store(notify=", "stop()", "and ",
        "or ", "not ", "(", ")", "\"", "'", ",", "\\", "\\1", "\\g<", "(?P<n>", "(?", "[", "]", "{,9", "}",
        "https://h/", "a@b.example", "*", "+", "|", "\0", "한", "\ud800", " ",
    ];

    [Fact]
    public void Anything_IsTakenOrRefused_AndNeverThrows() =>
        Gen.Int[0, Pieces.Length - 1].Array[0, 14].Select(
            chosen => string.Concat(chosen.Select(one => Pieces[one]))).Sample(text =>
        {
            var any = Parse("match_recipient('(?P<n>.*)')");
            if (RouteFilter.TryParse(text, out var filter, out var problem))
                filter.Judge(new RouteCase("a@b.example", Fields, RouteVerdict.No));
            else
                Assert.NotEmpty(problem);
            if (!RouteAction.TryParse(text, any, out _, out problem))
                Assert.NotEmpty(problem);
            if (RoutePattern.TryParse(text, PatternPlace.Field, out var pattern, out problem))
                pattern.Match(text);
            else
                Assert.NotEmpty(problem);
        }, iter: 20_000);
}
