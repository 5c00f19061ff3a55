namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string KindWord => "종류";
    public override string RecipientsOwnMx => "수신자 도메인의 MX";
    public override string Health => "상태";
    public override string ConnectionsNow => "현재 연결";
    public override string AllowedNow => "현재 허용";
    public override string AtMost => "최대";
    public override string RateLimit => "속도 제한";
    public override string LearntPace => "학습된 속도";
    public override string NoLimit => "제한 없음";
    public override string Unknown => "아직 알 수 없음";
    public override string LanesWord => "레인";
    public override string WorstLanes(int shown, int all) =>
        $"전체 {Number(all)}개 중 문제가 큰 {Number(shown)}개이며, 닫힌 레인이 먼저입니다.";
    public override string LanesClosed(int closed, int all) => $"레인 {Number(all)}개 중 {Number(closed)}개 닫힘";
    public override string LastAttempts => "최근 시도";
    public override string LastAttemptsExplained => "서버 시작 이후 최근 10건입니다. 그 이전 시도는 각 메시지의 이력에 있습니다.";
    public override string NoAttemptYet => "서버 시작 이후 시도한 적이 없습니다.";
    public override string OutcomeWord => "결과";
    public override string UncertainOutcome => "결과 불명";
    public override string TryNowExplained => "이 전송 경로의 지연된 메일을 지금 다시 보내고, 닫힌 레인을 지금 점검합니다.";
    public override string ItsMessages => "큐에 있는 메시지";
    public override string NoTransports => "설정된 전송 경로가 없습니다.";
    public override string AllTransports => "전체 전송 경로";
    public override string MoreTransports(int count) => $"외 {Number(count)}개";
    public override string NotConfigured => "설정에서 빠짐";
}
