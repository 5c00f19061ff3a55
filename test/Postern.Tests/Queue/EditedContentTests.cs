using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using CsCheck;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

public sealed class EditedContentTests
{
    static QueuedMessage Message(string prefix, params ContentRange[] cuts) => new()
    {
        Id = new QueueId(1),
        ArrivedAt = MailHall.Start,
        Door = Postern.Mta.MailDoors.Submission,
        Sender = default,
        Client = new ClientFacts(),
        ContentOctets = 0,
        Edits = new HeaderEdits(Encoding.ASCII.GetBytes(prefix), cuts),
    };

    static string Read(EditedContent edited)
    {
        using var stream = edited.OpenReader().AsStream();
        using var all = new MemoryStream();
        stream.CopyTo(all);
        Assert.Equal(edited.Octets, all.Length);
        return Encoding.ASCII.GetString(all.ToArray());
    }

    [Fact]
    public void PrefixAndCuts_AreTheSameFromMemoryAndFromAFile() =>
        Gen.String[Gen.Char['a', 'z'], 0, 40].Select(Gen.Int[0, 50], Gen.Int[0, 5].Array[0, 6])
            .Sample((prefix, octets, steps) =>
        {
            var text = new string([.. Enumerable.Range(0, octets).Select(i => (char)('A' + (i % 26)))]);
            var cuts = new List<ContentRange>();
            var expected = new StringBuilder(prefix);
            var at = 0;
            // Every second step is kept, every other one cut.
            for (var i = 0; i < steps.Length; i++)
            {
                var length = Math.Min(steps[i], octets - at);
                if (i % 2 == 0)
                    expected.Append(text, at, length);
                else
                    cuts.Add(new ContentRange(at, length));
                at += length;
            }
            expected.Append(text, at, octets - at);
            var content = new PooledContent();
            content.Append(Encoding.ASCII.GetBytes(text));
            var message = Message(prefix, [.. cuts]);
            Assert.Equal(expected.ToString(), Read(new EditedContent(message, content)));
            Assert.Equal(expected.ToString(), Read(new EditedContent(message, new OnDisk(content))));
        });

    [Fact]
    public void Content_MayBeReadAgain()
    {
        var content = new PooledContent();
        content.Append("body"u8);
        var edited = new EditedContent(Message("A: b\r\n"), content);
        Assert.Equal(Read(edited), Read(edited));
    }

    [Theory]
    [InlineData(ContentTraits.None, false, false)]
    [InlineData(ContentTraits.EightBit, true, false)]
    [InlineData(ContentTraits.EightBit | ContentTraits.EightBitHeader, true, true)]
    public void Traits_TellWhatTheNextHopMustOffer(ContentTraits traits, bool eightBit, bool header)
    {
        var edited = new EditedContent(Message("") with { Traits = traits }, new PooledContent());
        Assert.Equal((eightBit, header), (edited.HasEightBit, edited.HasEightBitHeader));
    }

    /// <summary>Content that can only be read from front to end.</summary>
    sealed class OnDisk(PooledContent inner) : StoredContent
    {
        public override long Octets => inner.Octets;

        public override PipeReader OpenReader() => inner.OpenReader();

        public override bool TryGetMemory(out ReadOnlySequence<byte> octets)
        {
            octets = default;
            return false;
        }

        public override void Dispose() => inner.Dispose();
    }
}
