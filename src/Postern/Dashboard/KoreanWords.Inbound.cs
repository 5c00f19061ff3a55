using Postern.Mta;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string InboundRecent => "최근 메시지";
    public override string InboundQuarantine => "격리";
    public override string InboundDeadLetters => "배달 불능 메일";
    public override string InboundViews => "수신 메일 보기";
    public override string InboundClient => "보낸 서버";
    public override string InboundVerdict => "판정";

    public override string NameOf(VerdictAction? verdict) => verdict switch
    {
        VerdictAction.Accept => "수락",
        VerdictAction.Tag => "표시",
        VerdictAction.Quarantine => "격리",
        VerdictAction.Defer => "연기",
        VerdictAction.Reject => "거부",
        _ => "삭제된 규칙",
    };

    public override string InboundRefusedNote => "접속 단계에서 거부한 메일은 접수되지 않았으며, 로그에 응답과 함께 기록됩니다.";
    public override string InboundNothing => "아직 수신된 메일이 없습니다.";
    public override string InboundNothingHere => "이 구간에는 없습니다. 더 오래된 이벤트에 있을 수 있습니다.";
    public override string InboundOlder => "이전 메시지";
    public override string InboundNewest => "최신 메시지";
    public override string InboundNothingHeld => "격리된 메일이 없습니다.";
    public override string InboundNoDeadLetters => "배달 불능 메일이 없습니다. 최종 실패한 메일이 여기에 보관됩니다.";
    public override string InboundFurther => "계속 찾기";
    public override string InboundNotOnThisPage => "지금까지 살펴본 범위에는 없습니다. 아직 살펴볼 메일이 더 있습니다.";
    public override string InboundReplay => "다시 보내기";
    public override string InboundReplayAll => "조건에 맞는 메일 모두 다시 보내기…";
    public override string InboundReplayTitle => "배달 불능 메일 다시 보내기";
    public override string InboundReplayMeans => "각 메일을 현재 라우트로 다시 보냅니다. 이미 받은 수신자는 같은 메일을 두 번 받을 수 있습니다.";
    public override string InboundReplays(int count, bool isAll) =>
        isAll ? $"수신자 {Number(count)}명에게 다시 보냅니다."
        : $"{Number(count)}명이 넘는 수신자에게 다시 보냅니다.";
    public override string InboundSample(int count) => $"처음 {Number(count)}건";

    public override string InboundAge(string field) => field switch
    {
        "older" => "이 기간보다 오래됨 (예: 2d, 4h)",
        _ => "이 기간 이내 (예: 2d, 4h)",
    };

    public override string InboundUnread => "조건을 해석할 수 없습니다.";
    public override string InboundContent => "내용";
}
